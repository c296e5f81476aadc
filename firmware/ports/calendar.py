# SPDX-License-Identifier: MIT
"""A date of some platform's clock as Unix seconds. A clock that was never set says 1970, 1980, 2000 or 2099."""

from quell.codec.builtin import const

FIRST_YEAR = const(2024)
LAST_YEAR = const(2090)
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_DAYS_TO_2024 = const(19723)


def unix_s(year, month, day, hour, minute, second):
    """Unix seconds of a date from FIRST_YEAR to LAST_YEAR, UTC; None if there is no such date."""
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 60):
        return None
    # 2100 is out of range
    leap = year % 4 == 0  # 1.13: a year is small
    leap_days = (year - FIRST_YEAR + 3) // 4  # 1.13: a year is small
    days = (year - FIRST_YEAR) * 365 + leap_days + _DAYS_BEFORE[month - 1] + day - 1
    if leap and month > 2:
        days += 1
    return (_DAYS_TO_2024 + days) * 86400 + hour * 3600 + minute * 60 + second


FIRST_S = unix_s(FIRST_YEAR, 1, 1, 0, 0, 0)
LAST_S = unix_s(LAST_YEAR, 12, 31, 23, 59, 59)
