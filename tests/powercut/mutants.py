# SPDX-License-Identifier: MIT
"""Ways to break the agent on purpose, as changes of its text, and the shards of cases of which one must notice.

What nothing notices is not needed: it goes, or gets a fault that needs it. Two checks of the raw ring survived and stay, for
those who read an image: a frame's head check lets `quell flash fsck` name a damaged record, and the sector's index in its
header's CRC lets it find where a partition begins.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"


@dataclass(frozen=True)
class Mutant:
    """In `file`, `old` (there once) becomes `new`. `shards`: lines for the worker; one must fail."""

    file: str
    old: str
    new: str
    shards: tuple[str, ...]


RING = ("nor-ring 1 0 999 1",)
RING_TWICE = ("nor-ring 1 0 999 1", "nor-ring 2 0 999 5")
FAULTS = ("nor-ring-errors 1 0 999 1", "nor-ring-erase-noop 1 0 999 1", "nor-ring-program-noop 1 0 999 1")
KEYS = ("keys-nor 1 0 999 1", "keys-nor 2 0 999 1", "keys-nor-3 1 0 999 1")
STATE = ("state-nor 1 0 999 1", "state-nor 2 0 999 1", "state-nor-3 1 0 999 1", "state-nor-worn 1 0 999 1")
AGENT = tuple(
    f"agent-{name} {depth} 0 999 {step}"
    for depth, step in ((1, 1), (2, 9))
    for name in ("withdraw", "button", "grant", "policy", "records")
)
LITTLE = ("littlefs2-ring 1 0 999 1", "littlefs1-ring 1 0 999 2", "other-ring 1 0 999 2")
RECORDS = ("agent-records 1 0 999 1", "agent-records-littlefs2 1 0 999 1")
NOR = "quell/store/nor_ring.py"
STORE = "quell/store/nor_store.py"
SECTOR = "quell/store/sector.py"
SLOTS = "quell/store/file_slots.py"

MUTANTS = {
    # raw ring: frames and recovery
    "page-not-burnt": Mutant(NOR, "        self._at, self._burn = end, True\n", "        self._at = end\n", RING_TWICE),
    "page-skipped-not-burnt": Mutant(NOR, "                self._store.program(self._own[-1], self._at, bytes(following", "                str(self._own) or (self._own[-1], self._at, bytes(following", RING_TWICE),
    "no-resync": Mutant(SECTOR, "            clean = False\n            continue", "            break", ("nor-ring-half 1 0 999 1", *RING_TWICE)),
    "header-without-crc": Mutant(SECTOR, " or crc != _header_crc(data, sector):", ":", RING_TWICE),
    "frame-crc-unchecked": Mutant(SECTOR, 'if crc != struct.unpack_from("<I", data, following - 4)[0]:', "if False:", RING_TWICE),
    "frame-crc-not-bound": Mutant(
        SECTOR, 'crc = crc32(view[place : following - 4], crc32(struct.pack("<II", number, place)))',
        'crc = crc32(view[place : following - 4], crc32(struct.pack("<II", 0, 0)))', RING,
    ),
    "header-only-is-trusted": Mutant(NOR, "        return sound\n", "        return True\n", RING_TWICE),
    "sector-not-erased": Mutant(STORE, "                    if self.clear(i):\n", "                    if self.forget() is None:\n", RING),
    "blank-sector-not-erased": Mutant(
        STORE, "                    if self.clear(i):\n", "                    if self._blank(i) or self.clear(i):\n", RING_TWICE,
    ),
    "erase-not-read-back": Mutant(STORE, '        if not self._blank(i):\n            raise FlashError("erase")\n', "", FAULTS),
    "program-not-read-back": Mutant(STORE, "                if back[: len(part)] != part:\n", "                if False:\n", FAULTS),
    "bad-sector-used-again": Mutant(STORE, "        self._retired[i] = 1\n", "", FAULTS),
    "evicted-before-its-header": Mutant(
        NOR, "                evicted.append(self._evict())", "                store.free(self._evict())",
        ("nor-ring-program-noop 2 150 160 1",),
    ),
    "no-free-sector-kept": Mutant(NOR, "store.share(self._purpose) - 1:", "store.share(self._purpose):", RING_TWICE),
    "evicted-without-a-note": Mutant(
        NOR, "        noted = room and self._program(ACK, max(end, self.acked), self._age_s, lost)\n", "        noted = room\n",
        ("nor-ring-erase-noop 1 0 999 1", "nor-ring-program-noop 1 0 999 1"),
    ),
    "lost-not-in-header": Mutant(NOR, "store.number, first, self.acked, self.lost, policy_version,", "store.number, first, self.acked, 0, policy_version,", RING),
    "lost-not-in-acknowledgement": Mutant(NOR, "        lost = struct.pack(\"<I\", self.lost)\n", "        lost = bytes(4)\n", ("nor-ring-program-noop 2 150 160 1",)),
    "acked-not-in-header": Mutant(NOR, "first, self.acked, self.lost, policy_version", "first, 0, self.lost, policy_version", RING),
    "unsound-header-frees": Mutant(NOR, "        self.acked = max(self.acked, self._kept)\n", "        self.acked = self._kept = max(self.acked, self._kept)\n", RING_TWICE),
    "numbers-start-again": Mutant(NOR, "self.next = max(self.next, self.acked, reserved)", "self.next = max(self.next, self.acked)", RING_TWICE),
    "salt-not-random": Mutant(NOR, "            salt = self._random(16)\n", "            salt = bytes(16)\n", ("nor-ring-numbers-lost 1 0 999 1",)),
    "one-read-is-enough": Mutant(NOR, "_READS = 4  #", "_READS = 1  #", ("nor-ring-read-flips 1 0 999 1",)),
    "plaintext-in-ring": Mutant("quell/store/sealer.py", "return seal(self._key, _nonce(place, sequence), self", "return data + bytes(8) or (self", RING),
    # two-slot stores and keys
    "save-over-the-newest": Mutant("quell/state/slots.py", "for step in range(1, n)]", "for step in range(0, n)]", (*STATE, *KEYS)),
    "slot-crc-unchecked": Mutant("quell/state/slots.py", "                and crc == crc32(payload, crc32(data[:_HEAD_BYTES]))\n", "", (*STATE, *KEYS)),
    "strict-in-one-slot": Mutant("quell/state/slots.py", "        order = self._others() + [self._newest]\n", "        order = self._others()\n", STATE),
    "slot-stops-at-a-worn-one": Mutant("quell/state/slots.py", "                failed = error\n        raise failed\n", "                raise error\n", STATE),
    "prefix-first": Mutant(
        "quell/store/nor_files.py", "        self._nor.program(address + _PREFIX_BYTES, data)\n        self._nor.program(address, struct.pack(_PREFIX, len(data), len(data) ^ 0xFFFFFFFF))\n",
        "        self._nor.program(address, struct.pack(_PREFIX, len(data), len(data) ^ 0xFFFFFFFF))\n        self._nor.program(address + _PREFIX_BYTES, data)\n",
        (*STATE, *KEYS),
    ),
    "weak-slot-stays-weak": Mutant("quell/store/nor_files.py", "                self._program(name, data)\n        except", "                pass\n        except", (*STATE, *KEYS)),
    "file-not-erased": Mutant("quell/store/nor_files.py", "            if always or not self._blank(sector):", "            if False:", STATE),
    "key-erased-in-one-slot": Mutant("quell/state/keys.py", "return self._slots.save_all(\n", "return self._slots.save(\n", KEYS),
    "key-not-stored-first": Mutant("quell/state/keys.py", "        keys[purpose] = entry\n        try:\n            self.save()\n", "        keys[purpose] = entry\n        try:\n            pass\n", KEYS),
    "generator-stands-still": Mutant("quell/state/keys.py", "        boot_seed = self._stored.generate(32)\n        self.save()\n", "        boot_seed = bytes(32)\n", KEYS),
    "secure-data-written-once": Mutant("ports/quecpython/secure_data.py", "        for _ in (0, 1):\n", "        for _ in (0,):\n", ("keys-secure-data 1 0 999 1",)),
    # the agent
    "intent-in-one-slot": Mutant("quell/control/apply.py", "consent.commit_both()", "consent.commit()", AGENT),
    "purge-without-intent": Mutant("quell/control/apply.py", "            consent.commit_both()\n            return True\n", "            return True\n", AGENT),
    "data-before-key": Mutant("quell/control/purge.py", "        keys.erase(purpose_id, intent.generation)\n", "", AGENT),
    "data-not-erased": Mutant("quell/control/purge.py", "        rings.shred(purpose_id)\n", "        str(purpose_id)\n", AGENT),
    "purge-not-resumed": Mutant("quell/agent.py", "            self.control.purge(purpose_id)\n", "            self.consent.intents = {}\n", AGENT),
    "grant-without-commit": Mutant("quell/control_path.py", "        if self._commit(commit):\n            return True\n", "        return True\n", AGENT),
    "policy-over-the-old-one": Mutant("quell/agent.py", "                self.policy_slots.in_force(slot)\n", "                self.policy_slots.in_force(1 - slot)\n", AGENT),
    "block-not-reserved": Mutant("quell/state/consent.py", "            self.reserved[purpose_id] = [generation, sequence + SEQUENCE_BLOCK] + known\n            try:\n                self.commit()\n", "            self.reserved[purpose_id] = [generation, sequence + SEQUENCE_BLOCK] + known\n            try:\n                pass\n", RECORDS),
    # segments
    "open-segment-in-place": Mutant(SLOTS, "return self._open_slot\n", "return (self._open_slot + 1) % len(self._slots)\n", LITTLE),
    "superseded-stays": Mutant(SLOTS, "                    a.free()\n", "                    pass\n", LITTLE),
    "segment-numbers-start-again": Mutant(SLOTS, "self.next = max(self.next, self.acked, reserved)", "self.next = max(self.next, self.acked)", LITTLE),
    "inline-not-read": Mutant(SLOTS, "        self._mount_inline(age_s)\n", "", LITTLE),
    "inline-freed-early": Mutant("quell/store/inline.py", "if held[0] == purpose and held[1] < below:", "if held[0] == purpose:", LITTLE),
    "eviction-not-counted": Mutant(SLOTS, "        self.lost += gone\n        self._leave(self._slots[best].next)", "        self._leave(self._slots[best].next)", LITTLE),
}  # fmt: skip


@contextlib.contextmanager
def firmware(name: str) -> Iterator[Path]:
    """A copy of the firmware, broken in this way."""
    mutant = MUTANTS[name]
    with tempfile.TemporaryDirectory(prefix="quell-mutant-") as folder:
        copy = Path(folder) / "firmware"
        shutil.copytree(FIRMWARE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        path = copy / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            raise SystemExit(f"mutant {name}: its text is {text.count(mutant.old)} times in {mutant.file}")
        path.write_text(text.replace(mutant.old, mutant.new))
        yield copy
