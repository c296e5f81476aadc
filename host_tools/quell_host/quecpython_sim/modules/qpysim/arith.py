# SPDX-License-Identifier: MIT
"""Division and calendar of the fakes, without dividing what is a big integer on a module.

The fakes run on the build whose division of big integers aborts, and it is the script that this build is to judge.
"""

_SMALL = 0x3FFFFFFF
DAY_S = 86400


def split(value, divisor):
    """(value // divisor, value % divisor) for value >= 0, 0 < divisor <= 0x3FFFFFFF."""
    if value <= _SMALL:
        return value // divisor, value % divisor
    high, low = split(value >> 1, divisor)
    low = low * 2 + (value & 1)
    if low >= divisor:
        return high * 2 + 1, low - divisor
    return high * 2, low


def day_number(year, month, day):
    """Days since 1970-01-01 of a date of the Gregorian calendar, for years from 1970."""
    # March is the first month: the day that a leap year adds is then the last of the year.
    years = year - (month < 3) - 1600
    months = (month + 9) % 12
    leap_days = years // 4 - years // 100 + years // 400
    return years * 365 + leap_days + (153 * months + 2) // 5 + day - 1 - 135080


def date_of(days):
    """(year, month, day, weekday with Monday as 0, day of the year from 1) of a day number >= 0."""
    year = 1970 + days // 366
    while day_number(year + 1, 1, 1) <= days:
        year += 1
    month = 12
    while day_number(year, month, 1) > days:
        month -= 1
    day = days - day_number(year, month, 1) + 1
    return year, month, day, (days + 3) % 7, days - day_number(year, 1, 1) + 1


def time_tuple(days, seconds):
    """What `localtime` gives, of a day number and the second of that day."""
    year, month, day, weekday, yearday = date_of(days)
    return year, month, day, seconds // 3600, seconds // 60 % 60, seconds % 60, weekday, yearday
