# SPDX-License-Identifier: MIT
"""The two-slot stores of an image: which slot is in force, and what state, keys and policy say (SPEC §10)."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from quell_host.errors import QuellError
from quell_host.flash import slots
from quell_host.flash.image import SLOT_NAME, Image
from quell_host.flash.slots import Slot
from quell_host.policy.document import Document
from quell_host.wire import cbor, cose

_STATE_KEYS, _KEYS_KEYS, _PROVISIONING_KEYS = set(range(17)), set(range(4)), set(range(6))
_MAX_BYTES = {"state": 16384, "keys": 8192, "policy": 16384, "prov": 4096}
_ORDER = ("state", "keys", "policy", "prov", "unknown")
RING_KEY_BYTES = 32


@dataclass(frozen=True)
class State:
    """What the state says of the flash. Maps are by purpose; `reserved`: (generation, next, acked, lost)."""

    boots: int
    policy_hash: bytes
    policy_version: int
    generations: dict[int, int]
    intents: dict[int, int]
    reserved: dict[int, tuple[int, int, int, int]]
    ended: dict[int, int]
    age_s: int


@dataclass(frozen=True)
class Keys:
    """Ring keys by purpose, (generation, key); `erased`: up to which generation they were. Never shown."""

    rings: dict[int, tuple[int, bytes]] = field(repr=False)
    erased: dict[int, int]


@dataclass
class Stores:
    """All slots of an image. `in_force`: store → its slot; `malformed`: slots that verify and hold something else.

    `unread`: signed policies that this tool does not know how to read; `documents` the others.
    """

    slots: list[Slot] = field(default_factory=list)
    in_force: dict[str, Slot] = field(default_factory=dict)
    malformed: list[tuple[Slot, str]] = field(default_factory=list)
    state: State | None = None
    keys: Keys | None = None
    each_keys: list[tuple[Slot, Keys]] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    unread: list[Slot] = field(default_factory=list)

    def of(self, store: str) -> list[Slot]:
        """The slots of one store."""
        return [slot for slot in self.slots if slot.store == store]


def gather(image: Image) -> Stores:
    """Find and read every slot of an image."""
    return read(_slots(image))


def _slots(image: Image) -> list[Slot]:
    if image.layout is None:
        names = sorted(name for name in image.files if SLOT_NAME.fullmatch(name))
        return [slots.parse(image.files[name], name, name.partition(".")[0]) for name in names]
    found = []
    for file in image.layout.files:
        place = f"sector {file.sector}"
        found.append(Slot("unknown", place, 0, why=file.why) if file.why else slots.parse(file.content, place))
    return found


def read(found: list[Slot]) -> Stores:
    """Tell which slots are in force, and read them."""
    stores = Stores(sorted(found, key=lambda slot: _ORDER.index(slot.store)))
    for name in ("state", "keys", "prov"):
        valid = [slot for slot in stores.of(name) if slot.valid]
        if valid:
            stores.in_force[name] = max(valid, key=lambda slot: slot.counter or 0)
    for slot in stores.slots:
        if slot.valid:
            _read_slot(stores, slot)
    if stores.each_keys and "keys" in stores.in_force:
        stores.keys = _keys_in_force(stores)
    if stores.state is not None:
        for slot in stores.of("policy"):
            if slot.valid and hashlib.sha256(slot.payload).digest() == stores.state.policy_hash:
                stores.in_force["policy"] = slot
    return stores


def _read_slot(stores: Stores, slot: Slot) -> None:
    try:
        if slot.store == "policy":
            _read_policy(stores, slot)
            return
        content = cbor.decode(slot.payload, _MAX_BYTES[slot.store])
        if slot.store == "state":
            state = read_state(content)
            if stores.in_force.get("state") is slot:
                stores.state = state
        elif slot.store == "keys":
            stores.each_keys.append((slot, read_keys(content)))
        elif set(_map(content)) != _PROVISIONING_KEYS:
            raise ValueError("a provisioning record has other parts")
    except (cbor.CborError, ValueError) as error:
        stores.malformed.append((slot, str(error)))


def _read_policy(stores: Stores, slot: Slot) -> None:
    """Devices take categories of newer catalogues: what only this tool cannot read is no fault of the slot."""
    try:
        cose.parse1(slot.payload)
    except cose.CoseError as error:
        raise ValueError(f"it holds no signed policy: {error}") from None
    try:
        stores.documents.append(Document.open(slot.payload, None))
    except QuellError:
        stores.unread.append(slot)


def _keys_in_force(stores: Stores) -> Keys | None:
    """The newest slot's keys, less those that any slot says were erased."""
    erased: dict[int, int] = {}
    for _, keys in stores.each_keys:
        for purpose, generation in keys.erased.items():
            erased[purpose] = max(generation, erased.get(purpose, -1))
    for slot, keys in stores.each_keys:
        if slot is stores.in_force["keys"]:
            rings = {p: pair for p, pair in keys.rings.items() if pair[0] > erased.get(p, -1)}
            return Keys(rings, erased)
    return None


def read_state(content: Any) -> State:
    """The parts of a state record that matter here. Raises ValueError when it is none of §10."""
    m = _map(content)
    if set(m) != _STATE_KEYS:
        raise ValueError("a state record has other parts")
    generations = {p: _number(entry, 0, 5) for p, entry in _purposes(m[7]).items()}
    intents = {p: _number(entry, 0, 6) for p, entry in _purposes(m[8]).items()}
    reserved = {}
    for purpose, entry in _purposes(m[12]).items():
        reserved[purpose] = (_number(entry, 0, 4), _number(entry, 1, 4), _number(entry, 2, 4), _number(entry, 3, 4))
    ended = {purpose: _uint(generation) for purpose, generation in _purposes(m[14]).items()}
    if not isinstance(m[5], bytes):
        raise ValueError("a part of the state is of another type")
    return State(_uint(m[1]), m[5], _uint(m[6]), generations, intents, reserved, ended, _uint(m[15]))


def read_keys(content: Any) -> Keys:
    """The ring keys of a key record. Raises ValueError, which names no byte of it, when it is none of §10."""
    m = _map(content)
    if set(m) != _KEYS_KEYS:
        raise ValueError("a key record has other parts")
    rings = {}
    for purpose, entry in _purposes(m[1]).items():
        generation = _number(entry, 0, 2)
        if not isinstance(entry[1], bytes) or len(entry[1]) != RING_KEY_BYTES:
            raise ValueError("a ring key has not 32 bytes")
        rings[purpose] = (generation, entry[1])
    erased = {purpose: _uint(generation) for purpose, generation in _purposes(m[3]).items()}
    return Keys(rings, erased)


def _map(content: Any) -> dict[Any, Any]:
    if not isinstance(content, dict):
        raise ValueError("it holds no map")
    return content


def _purposes(content: Any) -> dict[int, Any]:
    m = _map(content)
    if any(not isinstance(key, int) or not 1 <= key <= 255 for key in m):
        raise ValueError("a purpose is no number from 1 to 255")
    return m


def _number(entry: Any, at: int, length: int) -> int:
    if not isinstance(entry, list) or len(entry) != length:
        raise ValueError("an entry has another length")
    return _uint(entry[at])


def _uint(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("a number is none, or below 0")
    return value
