# SPDX-License-Identifier: MIT
"""What is in an image, in words for a person, 80 columns wide."""

import textwrap
from collections.abc import Iterator, Sequence

from quell_host.flash.content import Content
from quell_host.flash.image import FOLDER, LITTLEFS1, LITTLEFS2, RAW_NOR, RESERVE
from quell_host.flash.listing import DAMAGED, OPENED, TRUST, Listed
from quell_host.flash.rings import Ring
from quell_host.flash.sectors import SECTOR_BYTES
from quell_host.flash.units import Unit

_WIDTH = 80
_LEAST_LAST = 12
_KINDS = {RAW_NOR: "raw NOR", LITTLEFS1: "littlefs 1", LITTLEFS2: "littlefs 2", FOLDER: "a folder of files"}
_GAPS = 8
Row = Sequence[str]


def overview(content: Content) -> Iterator[str]:
    """The whole image: what it is, the stores, each ring with its segments or sectors, the rest, the totals."""
    yield from head(content)
    yield from _stores(content)
    for ring in content.rings:
        yield ""
        yield from _ring(content, ring)
    yield from _rest(content)
    yield from _totals(content)


def head(content: Content) -> Iterator[str]:
    """What it is and how large."""
    image, layout = content.image, content.image.layout
    kind = f"{image.name}: {_KINDS[image.kind]}"
    if image.offset:
        kind += f" from {image.offset:#x} on"
    if layout is not None:
        yield f"{kind}, {image.size_bytes:,} bytes in {layout.total:,} sectors"
        if layout.base is not None:
            begin = image.offset + layout.base * SECTOR_BYTES
            last = max(layout.headers, default=layout.base)
            yield f"partition of the rings: begins at sector {layout.base} ({begin:#x}), last used sector {last}"
        elif not layout.found():
            yield "blank: every bit is set"
    elif image.superblock is not None:
        block = image.superblock
        yield f"{kind}, {block.blocks:,} blocks of {block.block_bytes:,} bytes; folder {image.folder}"
    else:
        yield f"{kind}, {image.size_bytes:,} bytes in {len(image.files)} files of Quell's"
    yield from (f"note: {note}" for note in image.notes)


def columns(header: Row, rows: Sequence[Row], right: str) -> Iterator[str]:
    """A table. `right`: a letter per column, r for what is aligned to the right. The last column is folded."""
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header) - 1)]
    last = min(max(len(row[-1]) for row in [header, *rows]), _LEAST_LAST)
    between = "  " if 2 + sum(widths) + 2 * len(widths) + last <= _WIDTH else " "
    indent = "  " if between == "  " else ""
    for row in [header, *rows]:
        cells = [row[at].rjust(width) if right[at] == "r" else row[at].ljust(width) for at, width in enumerate(widths)]
        start = indent + between.join(cells) + between
        folded = textwrap.wrap(row[-1], max(_WIDTH - len(start), _LEAST_LAST)) or [""]
        if right[-1] == "r":
            folded = [row[-1].rjust(max(len(one[-1]) for one in [header, *rows]))]
        yield (start + folded[0]).rstrip()
        yield from (" " * len(start) + more for more in folded[1:])


def folded(text: str, indent: str = "  ") -> Iterator[str]:
    """A line, folded at 80 columns."""
    yield from textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


def _stores(content: Content) -> Iterator[str]:
    found = content.stores
    if not found.slots:
        return
    rows = []
    for slot in found.slots:
        state = slot.why or ("valid, in force" if found.in_force.get(slot.store) is slot else "valid")
        known = next((why for other, why in found.malformed if other is slot), "")
        if known:
            state = f"valid, but {known}"
        elif any(other is slot for other in found.unread):
            state += ", of a form that this tool does not know"
        counter = "" if slot.counter is None else str(slot.counter)
        rows.append((slot.store, slot.place, counter, f"{slot.size_bytes:,}" if slot.size_bytes else "", state))
    yield ""
    yield "stores"
    yield from columns(("store", "slot", "counter", "bytes", "state"), rows, "llrrl")
    yield from _facts(content)


def _facts(content: Content) -> Iterator[str]:
    state, found = content.stores.state, content.stores
    if state is not None:
        policy = f"policy version {state.policy_version}" if state.policy_hash else "no policy"
        yield f"  state: {policy}, boot {state.boots}, age of the device {age(state.age_s)}"
        for purpose, generation in sorted(state.intents.items()):
            yield f"  purge of purpose {purpose} up to generation {generation} is not finished"
    for document in found.documents:
        slot = found.in_force.get("policy")
        if slot is not None and slot.payload == document.data:
            yield f"  policy in force: {document.name}, version {document.version}"
    if content.keys is not None:
        held = ", ".join(f"{purpose} (generation {pair[0]})" for purpose, pair in sorted(content.keys.rings.items()))
        yield from folded(f"ring keys of purposes: {held or 'none'}")
        for purpose, generation in sorted(content.keys.erased.items()):
            yield f"  erased: keys of purpose {purpose} up to generation {generation}"
    if RESERVE in content.image.files:
        yield f"  reserve: {len(content.image.files[RESERVE]):,} bytes"


def title(content: Content, purpose: int) -> str:
    """A purpose by number, and by name where a policy tells it."""
    name = content.purpose_name(purpose)
    return f"{purpose} {name}" if name else str(purpose)


def _ring(content: Content, ring: Ring) -> Iterator[str]:
    force = {True: "in force", False: "gone", None: "the newest here"}[ring.in_force]
    yield f"purpose {title(content, ring.purpose)}, generation {ring.generation}, {force}"
    words = f"{ring.records} records, {ring.waiting} not acknowledged; "
    words += f"next {ring.next}, acked {ring.acked}, lost {ring.lost}"
    yield from folded(words + (f", {ring.damaged} damaged" if ring.damaged else ""))
    yield from folded(f"gaps: {_gaps(ring)}")
    if ring.units:
        yield from _units(ring.units)
    if ring.inline:
        rows = []
        for inline in ring.inline:
            head = inline.content
            state = _state(inline.state, inline.why)
            rows.append((inline.place, str(head.sequence), str(head.policy_version), str(len(head.sealed)), state))
        yield from columns(("inline", "sequence", "policy", "sealed bytes", "state"), rows, "lrrrl")


def _gaps(ring: Ring) -> str:
    if not ring.gaps:
        return "none"
    shown = [str(low) if low == high else f"{low}..{high}" for low, high in ring.gaps[:_GAPS]]
    left = ring.gap_count - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _units(units: list[Unit]) -> Iterator[str]:
    sectors = units[0].sector is not None
    rows = []
    for unit in units:
        state = _state(unit.state, unit.why)
        if unit.damaged:
            state += f", {unit.damaged} damaged"
        span = f"{unit.first}..{unit.next}"
        numbers = [span, str(unit.records)] + ([str(unit.acks)] if sectors else [])
        numbers += [str(unit.acked), str(unit.lost), str(unit.policy_version), age(unit.age_s)]
        place = str(unit.sector) if sectors else unit.place
        rows.append((place, str(unit.number), *numbers, state))
    if sectors:
        header = ("sector", "number", "first..next", "records", "acks", "acked", "lost", "policy", "age", "state")
        yield from columns(header, rows, "rrrrrrrrrl")
    else:
        header = ("segment", "number", "first..next", "records", "acked", "lost", "policy", "age", "state")
        yield from columns(header, rows, "lrrrrrrrl")


def _state(state: str, why: str) -> str:
    return f"{state}: {why}" if why else state


def _rest(content: Content) -> Iterator[str]:
    """What is in no ring."""
    rows = []
    layout = content.image.layout
    for broken in content.found.broken:
        rows.append((broken.place, f"damaged: {broken.why}"))
    for inline in content.found.inline:
        if inline.generation is None:
            rows.append((inline.place, _state(inline.state, inline.why)))
    if layout is not None:
        inside = [sector for sector in layout.blank if layout.base is not None and sector >= layout.base]
        outside = [sector for sector in layout.blank if layout.base is None or sector < layout.base]
        for sectors, word in ((inside, "blank"), (outside, "blank"), (layout.other, "not Quell's")):
            if sectors:
                count = f"{len(sectors)} {'sector' if len(sectors) == 1 else 'sectors'}"
                rows.append((count, f"{word}: {spans(sectors)}"))
    if rows:
        yield ""
        yield "in no ring"
        yield from columns(("where", "what"), rows, "ll")


def spans(numbers: list[int], most: int = 6) -> str:
    """Rising numbers in short: "3..7, 9"."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    words = [str(low) if low == high else f"{low}..{high}" for low, high in found[:most]]
    return ", ".join(words) + (f" and {len(found) - most} more" if len(found) > most else "")


def _totals(content: Content) -> Iterator[str]:
    rows = []
    for ring in content.rings:
        units = len(ring.units) + len(ring.inline)
        numbers = (ring.generation, units, ring.records, ring.waiting, ring.damaged, ring.lost)
        rows.append((title(content, ring.purpose), *(str(number) for number in numbers), f"{ring.size_bytes:,}"))
    if rows:
        yield ""
        yield "totals"
        held = "sectors" if content.image.layout is not None else "files"
        header = ("purpose", "generation", held, "records", "waiting", "damaged", "lost", "bytes")
        yield from columns(header, rows, "lrrrrrrr")


def age(seconds: int) -> str:
    """A device's age in short: "45 s", "90 min", "30 h", "12 d"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def record_line(content: Content, listed: Listed) -> str:
    """One record on one line: purpose, generation, sequence, where, then what is known of it."""
    at = f" at {listed.offset:#05x}" if content.image.layout is not None else f" place {listed.offset}"
    where = f"{title(content, listed.purpose)}  generation {listed.generation}  {listed.sequence}  {listed.place}{at}"
    mark = "" if listed.waiting else "  acknowledged"
    if listed.state == DAMAGED:
        return f"{where}  damaged{mark}"
    if listed.state != OPENED or listed.record is None or listed.fields is None:
        return f"{where}  sealed, {listed.size_bytes} bytes{mark}"
    record = listed.record
    moment = listed.time or (f"boot {record.boot} +{listed.uptime_s} s" if listed.uptime_s is not None else "")
    if not moment:
        moment = f"boot {record.boot} " * (record.trust == 0) + f"time {record.time} units"
    values = "  ".join(f"{name}={value}" for name, value in listed.fields.items())
    return f"{where}{mark}  {moment}  trust {TRUST[record.trust]}  epoch {record.epoch}  {values}"
