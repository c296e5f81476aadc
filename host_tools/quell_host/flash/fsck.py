# SPDX-License-Identifier: MIT
"""Check an image: everything that SPEC §10 fixes, and with keys that every record opens."""

from dataclasses import dataclass, field

from quell_host.flash import fsck_records, fsck_units
from quell_host.flash.content import Content
from quell_host.flash.findings import Findings
from quell_host.flash.image import LITTLEFS1, LITTLEFS2
from quell_host.flash.slots import OTHER_VERSION, Slot

_LEAST_KEYS_BYTES = 1100
_DAMAGED_SLOT = "the device uses the other slot and counts this one as rotten"
_FOREIGN = "this tool and this device do not read it"


@dataclass
class Report:
    """What a check found, and how much it looked at. `sealed`: records for which there was no key."""

    findings: Findings = field(default_factory=Findings)
    stores: int = 0
    units: int = 0
    records: int = 0
    opened: int = 0
    sealed: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings.items


def check(content: Content) -> Report:
    """Check everything that can be checked, in the order image, stores, segments and sectors, rings, records."""
    report = Report(stores=len(content.stores.slots), units=len(content.found.units) + len(content.found.inline))
    found = report.findings
    for item in content.image.complaints:
        found.add(item.where, item.what, item.means)
    _check_slots(content, found)
    _check_state(content, found)
    _check_erased_keys(content, found)
    fsck_units.check(content, found)
    counts = fsck_records.check(content, found)
    report.records, report.opened, report.sealed = counts
    return report


def _check_slots(content: Content, found: Findings) -> None:
    stores = content.stores
    for slot in stores.slots:
        if not slot.valid:
            means = _FOREIGN if OTHER_VERSION in slot.why else _DAMAGED_SLOT
            found.add(slot.place, f"{_named(slot)} slot: {slot.why}", means)
    for slot, why in stores.malformed:
        found.add(slot.place, f"{slot.store} slot: {why}", "it verifies, but the device cannot use it")
    for name in ("state", "keys", "policy", "prov"):
        slots = stores.of(name)
        valid = [slot for slot in slots if slot.valid]
        if slots and not valid:
            found.add(name, "no slot of it verifies", "the device does not have it any more")
        counters = [slot.counter for slot in valid]
        if len(set(counters)) < len(counters):
            places = " and ".join(slot.place for slot in valid)
            found.add(places, f"slots of {name} have the same counter", "nobody can tell which one is newer")
        if any(slot.counter == 0 for slot in valid):
            found.add(name, "a slot has counter 0", "counters begin at 1: the device does not take it")
    if content.image.kind in (LITTLEFS1, LITTLEFS2):
        for slot in stores.of("keys"):
            if slot.valid and slot.size_bytes < _LEAST_KEYS_BYTES:
                what = f"a file of keys of {slot.size_bytes} bytes, less than {_LEAST_KEYS_BYTES:,}"
                found.add(slot.place, what, "littlefs may keep it inside a directory, where old copies stay")


def _named(slot: Slot) -> str:
    return "a" if slot.store == "unknown" else slot.store


def _check_state(content: Content, found: Findings) -> None:
    """What the state says must fit the policies and itself."""
    stores = content.stores
    state = stores.state
    if state is None:
        return
    where = stores.in_force["state"].place
    if state.policy_hash and stores.of("policy") and "policy" not in stores.in_force:
        found.add(where, "no policy slot holds the policy that the state names", "the device collects nothing")
    for purpose, (generation, reserved, acked, _) in sorted(state.reserved.items()):
        if acked > reserved:
            what = f"purpose {purpose}, generation {generation}: acked {acked} is ahead of the next sequence {reserved}"
            found.add(where, what, "new records would count as acknowledged")


def _check_erased_keys(content: Content, found: Findings) -> None:
    """A key that was erased may be in no slot."""
    keys = content.stores.keys
    if keys is None:
        return
    for slot, held in content.stores.each_keys:
        for purpose, (generation, _) in sorted(held.rings.items()):
            if generation <= keys.erased.get(purpose, -1):
                what = f"it still holds the ring key of purpose {purpose}, generation {generation}, which was erased"
                found.add(slot.place, what, "the erasure did not reach every slot")
