# SPDX-License-Identifier: MIT
"""Bytes put into a buffer at a place: MicroPython 1.13 takes no slice of a bytearray as a target."""

from quell.codec.builtin import struct


def put(into, at, data):
    """`into[at : at + len(data)] = data`, on every interpreter. `into`: a bytearray or memoryview, never too short."""
    # CPython packs bytes and bytearrays only
    struct.pack_into("%ds" % len(data), into, at, bytes(data) if isinstance(data, memoryview) else data)
