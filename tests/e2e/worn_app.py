# SPDX-License-Identifier: MIT
"""The application on a board whose flash wears out: some of board_app.py's records a second, and in each boot a sector less."""

import board_app
from machine import mem32
from ports.block_nor import BlockNor

_WRITE_ENABLE, _WRITE_STATUS, _ALL_BLOCKS = 0x06, 0x01, 0x1C
_TX, _RX, _STATUS, _GPIO = 0x02008004, 0x02008000, 0x02008018, 0x020A4000
_RECEIVED, _CHIP_SELECT = 8, 1 << 19

_EVERY_MS = 50
_next_ms = [0]
_erase, _program = BlockNor.erase, BlockNor.program
_worn = []


def _protect(blocks):
    """The chip's block protection: it does not carry out a program of these blocks, and does not say so."""
    for command in ((_WRITE_ENABLE,), (_WRITE_STATUS, blocks)):
        mem32[_GPIO] = mem32[_GPIO] & ~_CHIP_SELECT
        for byte in command:
            mem32[_TX] = byte
            while not mem32[_STATUS] & _RECEIVED:
                pass
            mem32[_RX]
        mem32[_GPIO] = mem32[_GPIO] | _CHIP_SELECT


def _erase_and_wear(self, sector):
    _erase(self, sector)
    if self._first and not _worn:  # a sector of the rings: what the other partition holds begins at 0
        _worn.append(sector)
        print("app wears out sector %d" % sector)


def _program_in_vain(self, address, data):
    if not self._first or address // self.sector_bytes not in _worn:
        return _program(self, address, data)
    _protect(_ALL_BLOCKS)
    try:
        _program(self, address, data)
    finally:
        _protect(0)


def step(agent):
    now_ms = agent.clock.uptime_ms()
    if now_ms >= _next_ms[0]:
        _next_ms[0] = now_ms + _EVERY_MS
        board_app.step(agent)


BlockNor.erase, BlockNor.program = _erase_and_wear, _program_in_vain
