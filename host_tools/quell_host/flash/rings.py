# SPDX-License-Identifier: MIT
"""The rings of an image: which segments and sectors belong to them, and the state of each (SPEC §10)."""

from array import array
from dataclasses import dataclass, field

from quell_host.flash.limits import MAX_GAPS_LISTED
from quell_host.flash.stores import Keys, State
from quell_host.flash.units import ACKNOWLEDGED, DAMAGED, FREE, LIVE, SUPERSEDED, Found, InlineFile, Unit

_LAST = 0xFFFFFFFF


@dataclass
class Ring:
    """One purpose and generation. `in_force`: the device uses it; None: it was written last, and nothing says more.

    `units` by rising number, `inline` by rising sequence. `acked`: all below have left; `next`: behind the last record
    here; `waiting`: records here that have not left; `gaps`: (first, last) of numbers that are not here, between those
    that are, the first MAX_GAPS_LISTED of `gap_count`.
    """

    purpose: int
    generation: int
    in_force: bool | None = None
    units: list[Unit] = field(default_factory=list)
    inline: list[InlineFile] = field(default_factory=list)
    acked: int = 0
    lost: int = 0
    first: int | None = None
    next: int = 0
    records: int = 0
    waiting: int = 0
    damaged: int = 0
    size_bytes: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    gap_count: int = 0


def build(found: Found, state: State | None, keys: Keys | None) -> list[Ring]:
    """The rings of all units found, by purpose and generation; sets the state of each unit."""
    rings: dict[tuple[int, int], Ring] = {}
    for unit in found.units:
        key = (unit.purpose, unit.generation)
        rings.setdefault(key, Ring(*key)).units.append(unit)
    current = _generations(found, state, keys)
    for inline in found.inline:
        purpose = inline.content.purpose
        inline.generation = current.get(purpose)
        if inline.generation is not None:
            key = (purpose, inline.generation)
            rings.setdefault(key, Ring(*key)).inline.append(inline)
        else:
            inline.state, inline.why = FREE, "no generation of its purpose is known"
    for ring in rings.values():
        ring.units.sort(key=lambda unit: unit.number)
        ring.inline.sort(key=lambda inline: inline.content.sequence)
        known = state is not None or (keys is not None and ring.purpose in keys.rings)
        if known or current.get(ring.purpose) != ring.generation:
            ring.in_force = current.get(ring.purpose) == ring.generation
        _judge(ring, state)
        _count(ring)
    return [rings[key] for key in sorted(rings)]


def _generations(found: Found, state: State | None, keys: Keys | None) -> dict[int, int]:
    """The generation in force of each purpose: by the state, else by the ring keys, else the one written last."""
    if state is not None:
        return state.generations
    current: dict[int, int] = {}
    newest: dict[int, int] = {}
    for unit in found.units:
        rank = unit.number if unit.sector is not None else unit.generation  # numbers of segments begin anew
        if rank >= newest.get(unit.purpose, -1):
            newest[unit.purpose], current[unit.purpose] = rank, unit.generation
    if keys is not None:
        current |= {purpose: pair[0] for purpose, pair in keys.rings.items()}
    return current


def _judge(ring: Ring, state: State | None) -> None:
    """Set the state of each unit, and what the ring knows of acknowledged and lost."""
    for unit in ring.units:
        ring.acked, ring.lost = max(ring.acked, unit.acked), max(ring.lost, unit.lost)
    if state is not None:
        generation, _, acked, lost = state.reserved.get(ring.purpose, (None, 0, 0, 0))
        if generation == ring.generation:
            ring.acked, ring.lost = max(ring.acked, acked), max(ring.lost, lost)
    for position, unit in enumerate(ring.units):
        _judge_unit(ring, unit, _end(ring, position))
    _free_the_newest(ring)
    held = [unit for unit in ring.units if unit.state != FREE and unit.segment is not None]
    for inline in ring.inline:
        sequence = inline.content.sequence
        if ring.in_force is False:
            inline.state, inline.why = FREE, "its purpose is gone"
        elif sequence < ring.acked:
            inline.state = ACKNOWLEDGED
        elif any(unit.first <= sequence < unit.next for unit in held):
            inline.state = SUPERSEDED


def _end(ring: Ring, position: int) -> int:
    """The first sequence behind a unit: of a sector, the one with which the next begins."""
    unit = ring.units[position]
    if unit.sector is None or position + 1 == len(ring.units):
        return unit.next
    return max(unit.next, ring.units[position + 1].first)


def _judge_unit(ring: Ring, unit: Unit, end: int) -> None:
    if ring.in_force is False:
        unit.state, unit.why = FREE, "its generation is gone"
    elif end <= ring.acked:
        unit.state = ACKNOWLEDGED
    elif _superseded(ring, unit):
        unit.state = SUPERSEDED
    elif not unit.whole and (unit.segment is not None or unit.records == 0):
        unit.state = DAMAGED
    else:
        unit.state = LIVE


def _superseded(ring: Ring, old: Unit) -> bool:
    """A segment that was written again: the newer one is whole and holds what is not acknowledged of it."""
    if old.segment is None:
        return False
    return any(
        new.number > old.number and new.whole and old.next <= new.next and max(old.first, ring.acked) >= new.first
        for new in ring.units
    )


def _free_the_newest(ring: Ring) -> None:
    """A newest sector without a frame that verifies is not relied on."""
    for unit in reversed(ring.units):
        if unit.sector is None or unit.records or unit.acks:
            return
        if unit.state != FREE:
            unit.state, unit.why = FREE, "no frame in it verifies"


def _count(ring: Ring) -> None:
    """Records, gaps and bytes of what is not superseded and not of another generation."""
    sequences = array("I")
    for unit in ring.units:
        ring.size_bytes += unit.size_bytes
        if unit.state in (SUPERSEDED, FREE) and ring.in_force is not False:
            continue
        ring.damaged += unit.damaged
        ring.next = max(ring.next, unit.next)
        for record in unit.sealed_records() if unit.records else ():
            if record.sealed is not None and record.sequence <= _LAST:
                sequences.append(record.sequence)
    for inline in ring.inline:
        ring.size_bytes += len(inline.content.sealed)
        if inline.state == LIVE:
            sequences.append(inline.content.sequence)
            ring.next = max(ring.next, inline.content.sequence + 1)
    last = None
    for sequence in sorted(sequences):
        if sequence == last:
            continue
        if last is None:
            ring.first = sequence
        elif sequence > last + 1:
            ring.gap_count += 1
            if len(ring.gaps) < MAX_GAPS_LISTED:
                ring.gaps.append((last + 1, sequence - 1))
        ring.records += 1
        ring.waiting += sequence >= ring.acked
        last = sequence
