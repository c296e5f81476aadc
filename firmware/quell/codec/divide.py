# SPDX-License-Identifier: MIT
"""Floor division that never reaches the big-integer division of MicroPython 1.13, which is wrong."""

_SMALL = 0x3FFFFFFF  # the largest small integer of a 32-bit MicroPython


def floor_divide(value, divisor):
    """value // divisor for any int `value` and 0 < divisor; shift and subtract where one of them is not small."""
    if -_SMALL <= value <= _SMALL and divisor <= _SMALL:
        return value // divisor  # 1.13: both are small
    if value < 0:
        return -1 - floor_divide(-1 - value, divisor)
    shift = 0
    while (divisor << (shift + 1)) <= value:
        shift += 1
    quotient = 0
    while shift >= 0:
        step = divisor << shift
        if value >= step:
            value -= step
            quotient += 1 << shift
        shift -= 1
    return quotient
