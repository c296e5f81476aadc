# SPDX-License-Identifier: MIT
"""What a fault does to bytes on their way out: late, in pieces, fewer, more, or together with the next."""

import asyncio

from quell_host.modem_sim.plan import Fault
from quell_host.modem_sim.wire import Wire

# these spoil the prompt too; the others the final reply only
_PROMPT_KINDS = ("split", "slow", "bare-lf")


class Sender:
    """Sends replies and URCs through the faults that are due."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    def _flush(self) -> None:
        held, self._held, self._timer = self._held, b"", None
        if held:
            self._wire.send(held)

    def forget(self) -> None:
        """Drop what is held back."""
        if self._timer is not None:
            self._timer.cancel()
        self._held, self._timer = b"", None

    def send(self, data: bytes, fault: Fault | None = None, prompt: bool = False) -> None:
        """Send `data`, spoilt by `fault`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        data, self._held = self._held + data, b""
        if fault is None or (prompt and fault.kind not in _PROMPT_KINDS):
            self._wire.send(data)
            return
        args = fault.args
        if fault.kind == "slow":
            self._wire.send(data, args["ms"] / 1000)
        elif fault.kind == "split":
            for at in range(0, len(data), args["bytes"]):
                self._wire.send(data[at : at + args["bytes"]], args["ms"] / 1000 if at else 0)
        elif fault.kind == "bare-lf":
            self._wire.send(data.replace(b"\r\n", b"\n"))
        elif fault.kind == "drop":
            self._wire.send(data[: args["from"]] + data[args["from"] + args["bytes"] :])
        elif fault.kind == "garbage":
            self._wire.send(fault.dice.randbytes(args["bytes"]) + data)
        elif fault.kind == "merge":
            self._held = data
            self._timer = asyncio.get_running_loop().call_later(args["ms"] / 1000, self._flush)
        else:
            self._wire.send(data)
