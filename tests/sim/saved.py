# SPDX-License-Identifier: MIT
"""A device frozen at one moment, to be thawed as often as a test wants: for power cuts at every operation."""

from sim.device import Device
from sim.sim_host import SimHost
from sim.sim_port import MemFlash, PowerCut

_HOST = (
    "retained", "instance", "instances", "time_s", "auto", "answer", "refuse", "batches", "stored", "duplicates",
    "receipts", "state", "public",
)  # fmt: skip


def _copy(value):
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, list) else value


def host_copy(host):
    """What the host has in memory, to be given to another one."""
    return {name: _copy(getattr(host, name)) for name in _HOST}


def restored_host(memory):
    """A new host that remembers this. It takes signatures for good, since checking them is the slow part."""
    host = SimHost()
    for name in _HOST:
        setattr(host, name, _copy(memory[name]))
    host.verify = False
    return host


class Saved:
    """What is in the flash of `device` and in its host's memory now; what is in the device's RAM is gone.

    Bundles are left out: their commands are answered.
    """

    def __init__(self, device):
        device.host.retained = {}
        self._files = dict(device.port.flash.files)
        self._host = host_copy(device.host)

    def device(self, boot=True):
        """A new device with a new host, both as they were. `boot`: power it on."""
        host = restored_host(self._host)
        flash = MemFlash()
        flash.files = dict(self._files)
        return Device(host, flash, boot)


def cut_after(device, operations, torn, steps=12, boot=True):
    """Run `device` until the power goes after `operations` flash operations -> True if it did go; then `boot`."""
    flash = device.port.flash
    flash.budget, flash.torn = operations, torn
    try:
        device.run(steps)
        went = False
    except PowerCut:
        went = True
    if boot:
        device.boot()
    return went


def each_cut(saved, prepare, check, most=40, steps=12, ways=(False, True)):
    """For every flash operation n, clean and torn (`ways`): thaw, `prepare(device)`, cut at n, `check(device, n)`.

    -> how many operations there are. The last check is after a run that no cut interrupted.
    """
    for torn in ways:
        for n in range(most):
            device = saved.device()
            prepare(device)
            went = cut_after(device, n, torn, steps)
            check(device, n)
            if not went:
                break
        else:
            raise AssertionError("more than %d flash operations" % most)
    return n


def in_flash(device, needle):
    """Names of the files that hold the bytes `needle`."""
    files = device.port.flash.files
    return [name for name in files if needle in files[name]]


def receipts(device, kind):
    """Payload maps of the receipts of this kind that the host has, in the order of arrival."""
    return [m for _, m in device.host.receipts if m[0] == kind]
