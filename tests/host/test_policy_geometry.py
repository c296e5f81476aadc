# SPDX-License-Identifier: MIT
"""The host's arithmetic of the flash is the firmware's: shares, what a ring holds, what a file takes."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim.sim_nor import SimNor
from sim.sim_port import MemFlash

from quell.counters import EVICTED, Counters
from quell.store import file_slots, file_store, inline, nor_store, sector, segment
from quell.store import geometry as firmware
from quell_host.policy import geometry as host
from quell_host.policy.boards import reference_boards
from quell_host.policy.plan import Need, flushes_suffice, make_plan

BOARDS = reference_boards()
LITTLEFS2, NOR = BOARDS["littlefs2-200k"], BOARDS["nor-256k"]
WEIGHTS = st.lists(
    st.tuples(st.integers(1, 255), st.integers(1, 100)), min_size=1, max_size=16, unique_by=lambda item: item[0]
)


def needs(count, weight=10, every_s=0):
    """So many purposes, which are alike."""
    return [Need(n, f"p{n}", weight, every_s, not every_s) for n in range(1, count + 1)]


def sizes(plan):
    """What each part takes."""
    return {part.what: part.blocks for part in plan.parts}


@given(WEIGHTS, st.integers(0, 400), st.integers(2, 3))
def test_host_and_device_share_out_alike(weights, units, least):
    assert host.shares(weights, units, least) == firmware.shares(weights, units, least)


@given(WEIGHTS, st.integers(1, 600), st.sampled_from(sorted(BOARDS)), st.integers(100, 16384))
def test_no_purpose_gets_less_than_the_least_and_nothing_is_given_twice(weights, flash_kib, name, policy_bytes):
    board = dataclasses.replace(BOARDS[name], flash_kib=flash_kib)
    plan = make_plan(board, [Need(number, f"p{number}", weight, 0, True) for number, weight in weights], policy_bytes)
    taken = sum(part.blocks for part in plan.parts)
    if plan.needed > board.blocks:
        assert not plan.fits and not plan.rings and taken == plan.needed and "free" not in sizes(plan)
        return
    assert taken == board.blocks and sizes(plan)["free"] >= 0
    assert all(ring.units >= board.least for ring in plan.rings)
    assert sum(ring.units for ring in plan.rings) * board.unit_blocks == sizes(plan)["rings"]
    assert all(board.raw or ring.units <= 16 for ring in plan.rings)


def test_the_sizes_around_a_record_are_the_firmwares():
    assert host.SEGMENT_HEADER_BYTES == segment.HEADER_BYTES
    assert host.SEGMENT_RECORD_BYTES == segment.RECORD_OVERHEAD_BYTES
    assert (host.SECTOR_HEADER_BYTES, host.FRAME_BYTES) == (sector.HEADER_BYTES, sector.FRAME_OVERHEAD_BYTES)
    assert (host.MAX_SEGMENTS, host.INLINE_FILES) == (file_slots.MAX_SLOTS, inline.SLOTS)
    assert {1: 4096, 2: 8188, 4: 16368} == {n: host.file_bytes(n, 4096) for n in (1, 2, 4)}
    assert [host.file_blocks(n, 4096) for n in (1, 4096, 4097, 8188, 8189, 16368, 16369)] == [1, 1, 2, 2, 3, 4, 5]


def test_records_of_a_segment_and_of_a_sector():
    found = {name: (board.unit_bytes, board.unit_records) for name, board in BOARDS.items()}
    assert found == {
        "unix": (4096, 35),
        "littlefs1-400k": (16368, 145),
        "littlefs1-200k": (4096, 35),
        "littlefs2-200k": (4096, 35),
        "nor-256k": (4096, 32),
    }


@pytest.mark.parametrize("name", sorted(BOARDS))
@pytest.mark.parametrize("units", [3, 5])
def test_the_firmwares_ring_holds_what_is_promised_before_it_evicts(name, units):
    board, counters = BOARDS[name], Counters()
    if board.raw:
        store = nor_store.NorStore(SimNor(units))
    else:
        flash = MemFlash()
        flash.atomic = board.atomic
        store = file_store.FileStore(flash, units, board.unit_bytes)
    store.mount(counters)
    assert store.plan([(1, 10)]) and store.share(1) == units
    ring = store.open(1, 1, bytes(32), bytes, lambda sequence: None, counters)
    ring.mount(0, 0, 0)
    promised = (units - board.idle) * board.unit_records
    for n in range(promised):
        ring.append(bytes(100), 1, n)
        if n % 10 == 0:
            ring.flush()  # the open segment is written again and again
    ring.flush()
    assert ring.waiting() == promised and not counters.get(EVICTED)
    for n in range(2 * board.unit_records):
        ring.append(bytes(100), 1, n)
    ring.flush()
    assert counters.get(EVICTED)


def test_the_ram_of_a_store_on_raw_nor_is_what_the_firmware_allocates():
    store = nor_store.NorStore(SimNor(43))
    maps = [store.owners, store.numbers, store.generations, store.firsts, store.ages_s, store._retired]
    tables = sum(len(memoryview(one).cast("B")) for one in maps)
    assert make_plan(NOR, needs(3), 2000).ram_bytes == tables + len(store.sector) + len(store.record) + len(store._check)


def test_the_arithmetic_of_one_board_by_hand():
    # 200 KiB: 50 blocks. The state of 3 purposes has 4200 + 3 × 500 = 5,700 bytes, 2 blocks; twice.
    # 24 + 2 + 2 + 2 + 2 + 4 + 2 + 1 = 39; 2 spare, for the state; 9 are left, 2 of them for each purpose are enough.
    plan = make_plan(LITTLEFS2, needs(3, every_s=900), 1900)
    assert list(sizes(plan).items()) == [
        ("package", 24), ("file system", 2), ("folder", 2), ("prov", 2), ("keys", 2), ("state", 4), ("policy", 2),
        ("reserve", 1), ("spare", 2), ("rings", 9), ("free", 0),
    ]  # fmt: skip
    assert (plan.needed, plan.fits) == (47, True)
    # 3 segments each, 35 records in each: (4096 - 68) // 112. A record every 15 min: 2 of them in 15 min.
    assert [(ring.units, ring.records, ring.lasts_s, ring.lost_at_cut_records) for ring in plan.rings] == [
        (3, 105, 94500, 2)
    ] * 3
    assert (plan.lost_at_cut_records, plan.lost_at_cut_s) == (6, 900)
    assert plan.ram_bytes == 3 * (4096 + 64 * 35)


def test_the_arithmetic_of_raw_nor_by_hand():
    # 64 sectors; 3 copies of 1 + 1 + 3 + 2 are 21; 43 are left. One of each purpose stays empty.
    plan = make_plan(NOR, needs(2), 1900)
    assert (plan.needed, sizes(plan)["rings"]) == (21 + 6, 43)
    assert [(ring.units, ring.records, ring.lasts_s) for ring in plan.rings] == [
        (22, 21 * 32, None),
        (21, 20 * 32, None),
    ]
    assert (plan.lost_at_cut_records, plan.lost_at_cut_s) == (0, 0)


def test_weights_of_1_and_100():
    both = [Need(1, "small", 1, 0, True), Need(2, "large", 100, 0, True)]
    assert [ring.units for ring in make_plan(LITTLEFS2, both, 1900).rings] == [2, 7]
    # 30 segments, 26 left after the least: 26 × 1 // 101 = 0, and all to the heavier, which can use 16
    wide = make_plan(dataclasses.replace(LITTLEFS2, flash_kib=292), both, 1900)
    assert [ring.units for ring in wide.rings] == [2, 16]
    assert (sizes(wide)["folder"], sizes(wide)["free"]) == (4, 12)


def test_sixteen_purposes_need_a_board_of_their_own():
    for name, blocks in (("unix", 48), ("littlefs1-400k", 177), ("littlefs2-200k", 80), ("nor-256k", 69)):
        plan = make_plan(BOARDS[name], needs(16), 6000)
        assert plan.needed == blocks and plan.fits == (name == "unix"), name
        assert make_plan(dataclasses.replace(BOARDS[name], flash_kib=plan.enough_kib), needs(16), 6000).fits
        assert not make_plan(dataclasses.replace(BOARDS[name], flash_kib=plan.enough_kib - 4), needs(16), 6000).fits


def test_how_many_purposes_would_fit():
    plan = make_plan(LITTLEFS2, needs(9), 1900)
    assert not plan.fits and plan.most_purposes == 4
    assert make_plan(LITTLEFS2, needs(4), 1900).fits and not make_plan(LITTLEFS2, needs(5), 1900).fits


def test_segments_of_four_blocks_need_more_than_200_kib():
    # 53 blocks are needed for one purpose, and there are 50
    plan = make_plan(dataclasses.replace(BOARDS["littlefs1-400k"], flash_kib=200), needs(1), 1900)
    assert (plan.needed, plan.geometry.blocks, plan.fits) == (53, 50, False)


def test_a_large_policy_needs_its_blocks_three_times():
    # two slots, and room to replace one of them
    small, large = make_plan(LITTLEFS2, needs(1), 4080), make_plan(LITTLEFS2, needs(1), 16384)
    assert (sizes(small)["policy"], sizes(small)["spare"]) == (2, 2)
    assert (sizes(large)["policy"], sizes(large)["spare"]) == (10, 5)


def test_a_slot_on_raw_nor_that_is_too_small_is_named():
    tight = dataclasses.replace(NOR, state_sectors=1, policy_sectors=1)
    assert make_plan(tight, needs(3), 4073).crowded == (("state", 2, 1), ("policy", 2, 1))
    assert make_plan(NOR, needs(16), 8168).crowded == ()


def test_the_days_budget_bounds_what_waits_only_where_it_suffices():
    board = dataclasses.replace(BOARDS["littlefs1-400k"], flash_kib=1024)
    two, three = make_plan(board, needs(2, every_s=900), 1900), make_plan(board, needs(3, every_s=900), 1900)
    # 48 a day are two an hour: enough for two purposes, each after an hour
    assert (two.lost_at_cut_s, two.lost_at_cut_records) == (3600, 2 * 5)
    assert (three.lost_at_cut_s, three.lost_at_cut_records) == (None, 3 * 145)
    assert flushes_suffice(board, tuple(needs(8, every_s=4 * 3600)))  # 6 a day each
    assert not flushes_suffice(board, tuple(needs(9, every_s=4 * 3600)))
    assert not flushes_suffice(board, tuple(needs(2, every_s=10)))  # 145 records in 24 min
