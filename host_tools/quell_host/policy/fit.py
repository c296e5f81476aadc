# SPDX-License-Identifier: MIT
"""Does it fit? A checked policy on a board: findings, the arithmetic as a table, and JSON."""

import math
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from quell_host.policy import words
from quell_host.policy.check import source_group
from quell_host.policy.encode import encode_payload
from quell_host.policy.findings import Findings, shown
from quell_host.policy.geometry import INLINE_FILES, MAX_SEGMENTS, RECORD_BYTES, Geometry
from quell_host.policy.limits import DAY_S
from quell_host.policy.model import Policy
from quell_host.policy.plan import Need, Plan, Ring, counted, flush_share, make_plan, segments_per_day
from quell_host.policy.source import PolicySource
from quell_host.policy.vocabulary import EVENT_GROUPS

SIGNATURE_BYTES = 120
"""What signing adds at most to the compiled policy."""


def check_fit(
    source: PolicySource, findings: Findings, policy: Policy, geometry: Geometry, policy_bytes: int | None = None
) -> Plan:
    """Plan the policy on a board; what does not fit, or loses data there, becomes a finding.

    policy_bytes: of the signed file; None before it is signed: then from what it compiles to.
    """
    if policy_bytes is None:
        policy_bytes = len(encode_payload(policy)) + SIGNATURE_BYTES
    plan = make_plan(geometry, _needs(policy), policy_bytes)
    first = min([source.line("purpose", need.name) for need in plan.needs])
    if plan.needed > geometry.blocks:
        findings.error(first, f"the rings do not fit on {geometry.name}: {sum_text(plan)}", _less(plan))
    for what, wanted, given in plan.crowded:
        many = counted(wanted, "sector")
        todo = f"set {what}_sectors to {wanted}, or write a smaller policy"
        findings.error(first, f"the {what} needs {many} a copy, {geometry.name} has {given}", todo)
    if plan.fits and geometry.flushes_per_day:
        _warn_of_flushes(source, findings, plan)
    return plan


def _needs(policy: Policy) -> list[Need]:
    made = {template.id: template for template in policy.templates}
    needs = []
    for purpose in policy.purposes:
        groups = {source_group(field, made) for field in policy.fields_of(purpose.id)}
        events = bool(groups & EVENT_GROUPS)
        needs.append(Need(purpose.id, purpose.name, purpose.weight, purpose.every_s, events))
    return needs


def _less(plan: Plan) -> str:
    """What to do about a policy that does not fit: whatever would be enough alone."""
    ways = [f"take a board with {plan.enough_kib} KiB for Quell"]
    if plan.most_purposes:
        ways.insert(0, f"keep {counted(plan.most_purposes, 'purpose')}")
    if plan.geometry.package_blocks and plan.with_geometry(package_blocks=0).fits:
        ways.append("take the agent's code off that file system")
    if plan.geometry.segment_blocks > 1 and plan.with_geometry(segment_blocks=1).fits:
        ways.append("make segments of 1 block")
    return ", or ".join(ways)


def _warn_of_flushes(source: PolicySource, findings: Findings, plan: Plan) -> None:
    """Purposes that fill segments faster, while offline, than the board may write them."""
    geometry = plan.geometry
    share = flush_share(geometry, len(plan.needs))
    for need in plan.needs:
        if need.every_s and segments_per_day(geometry, need) > share:
            every_s = math.ceil(DAY_S / (share * geometry.unit_records))
            findings.warning(
                source.line("purpose", need.name, "every"),
                f"offline, purpose {shown(need.name)} fills {math.ceil(segments_per_day(geometry, need))} segments "
                f"a day; its share of those that {geometry.name} may write is {math.floor(share)}, the rest is lost",
                f'sample it no oftener than every = "{every_s}s"',
            )


def sum_text(plan: Plan) -> str:
    """The arithmetic's last line."""
    geometry = plan.geometry
    blocks = counted(plan.needed, "sector" if geometry.raw else "block")
    has = f"needs {blocks} of {geometry.block_bytes // 1024} KiB, the board has {geometry.blocks:,}"
    missing = plan.needed - geometry.blocks
    if missing > 0:
        return f"{has}: {missing:,} too few"
    return f"{has}: " + ("it fits" if plan.fits else "enough, but a copy is too small")


def shape(plan: Plan) -> dict[str, Any]:
    """The JSON shape of a plan: `board` of `quell policy check --board`."""
    geometry = plan.geometry
    return {
        "name": geometry.name,
        "flash_kib": geometry.flash_kib,
        "block_bytes": geometry.block_bytes,
        "blocks": geometry.blocks,
        "needed_blocks": plan.needed,
        "fits": plan.fits,
        "parts": [{"what": part.what, "blocks": part.blocks} for part in plan.parts],
        "unit": geometry.unit,
        "purposes": [_ring_shape(ring) for ring in plan.rings] if plan.fits else [_need_shape(n) for n in plan.needs],
        "lost_at_cut_records": plan.lost_at_cut_records if plan.fits else None,
        "lost_at_cut_s": plan.lost_at_cut_s if plan.fits else None,
        "ram_bytes": plan.ram_bytes if plan.fits else None,
    }


def _need_shape(need: Need) -> dict[str, Any]:
    nothing = {"units": None, "records": None, "lasts_s": None, "lost_at_cut_records": None}
    return {"id": need.id, "name": need.name, "weight": need.weight, **nothing}


def _ring_shape(ring: Ring) -> dict[str, Any]:
    return {
        **_need_shape(ring.need),
        "units": ring.units,
        "records": ring.records,
        "lasts_s": ring.lasts_s,
        "lost_at_cut_records": ring.lost_at_cut_records,
    }


def render_plan(plan: Plan) -> Group:
    """The arithmetic, and where it fits what each purpose gets, for 80 columns."""
    parts: list[RenderableType] = [_flash_table(plan), Text(sum_text(plan), style="bold")]
    if plan.fits:
        parts += ["", _ring_table(plan), "", *(Text(line) for line in _remarks(plan))]
    return Group(*parts)


def _flash_table(plan: Plan) -> Table:
    table = _table()
    table.add_column("in flash", no_wrap=True)
    table.add_column("sectors" if plan.geometry.raw else "blocks", justify="right", no_wrap=True)
    table.add_column("", overflow="fold", ratio=1)
    for part in plan.parts:
        table.add_row(part.what, f"{part.blocks:,}", Text(part.why, style="dim"))
    return table


def _ring_table(plan: Plan) -> Table:
    table = _table()
    table.add_column("purpose", overflow="fold", ratio=1)
    for name in ("weight", plan.geometry.unit + "s", "records", "full after", "lost at a cut"):
        table.add_column(name, justify="right", no_wrap=True)
    for ring in plan.rings:
        lasts = "-" if ring.lasts_s is None else span(ring.lasts_s)
        numbers = (ring.need.weight, ring.units, ring.records)
        table.add_row(Text(ring.need.name), *(f"{n:,}" for n in numbers), lasts, f"{ring.lost_at_cut_records:,}")
    return table


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def _remarks(plan: Plan) -> list[str]:
    geometry = plan.geometry
    text = (
        f"Records: of {RECORD_BYTES} bytes, {geometry.unit_records} a {geometry.unit}. Full after: so long a time of "
        "sampling; then the oldest records are evicted."
    )
    if geometry.idle:
        text += f" One {geometry.unit} of each purpose stays empty."
    if not geometry.raw and any(ring.units == MAX_SEGMENTS for ring in plan.rings):
        text += f" A purpose uses at most {MAX_SEGMENTS} segments."
    ram = "the map of the sectors and its buffers" if geometry.raw else "the segments that are being filled"
    return [
        text,
        _lost_text(plan),
        f"Records with durable=True: {_durable_text(geometry)}.",
        f"RAM: {plan.ram_bytes:,} bytes for {ram}.",
    ]


def _lost_text(plan: Plan) -> str:
    geometry = plan.geometry
    if geometry.raw:
        return "A hard power cut loses no record: each is in flash as soon as it is stored."
    whole = f"one segment of {geometry.unit_records}"
    late = words.period(geometry.flush_after_s)
    text = (
        f"A hard power cut loses at most {counted(plan.lost_at_cut_records, 'record')} in all: of each purpose {whole}"
    )
    if plan.lost_at_cut_s is None:
        return f"{text}. {_writes(geometry)} are too few to write each purpose's segment {late} after a record came."
    text += f", or what came in {late} if that is less"
    return f"{text}, while {_writes(geometry)} last." if geometry.flushes_per_day else f"{text}."


def _durable_text(geometry: Geometry) -> str:
    if geometry.raw:
        return "none is lost either"
    text = "none is lost"
    if geometry.durable_bytes:
        text += f". {INLINE_FILES} of up to {geometry.durable_bytes} bytes wait in files of their own; another"
    else:
        text += "; each"
    if geometry.flushes_per_day:
        return f"{text} costs one of {_writes(geometry)}, and is not durable when none is left"
    return f"{text} costs a write of its segment"


def _writes(geometry: Geometry) -> str:
    return f"{geometry.flushes_per_day:,} segment writes a day"


def span(seconds: int) -> str:
    """About how long, in whole days, hours or minutes, rounded down: 400000 → "4 days"."""
    size, noun = next((unit for unit in ((DAY_S, "day"), (3600, "hour")) if seconds >= 2 * unit[0]), (60, "minute"))
    return counted(seconds // size, noun)
