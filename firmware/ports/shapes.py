# SPDX-License-Identifier: MIT
"""What a raw value of the modem must look like; anything else is None.

Firmwares answer with -1, FF…F or empty quotes where they know nothing.
"""

_DECIMAL = "0123456789"
_HEX = "0123456789ABCDEFabcdef"


def _of(value, letters, least, most):
    if not least <= len(value) <= most:
        return None
    for c in value:
        if c not in letters:
            return None
    return value


def imei(value):
    """15 digits."""
    return _of(value, _DECIMAL, 15, 15)


def imsi(value):
    """14 or 15 digits, country code first."""
    return _of(value, _DECIMAL, 14, 15)


def iccid(value):
    """19 or 20 hexadecimal digits that begin with 89, as ITU-T E.118 says; a padding F stays."""
    found = _of(value, _HEX, 19, 20)
    return found if found is not None and found[:2] == "89" else None


def phone(value):
    """7 to 15 digits after a plus."""
    digits = _of(value[1:], _DECIMAL, 7, 15) if value[:1] == "+" else None
    return None if digits is None else value


def serial(value):
    """4 to 32 letters and digits; not 15 digits, which some firmwares give: that is the IMEI."""
    if imei(value) is not None:
        return None
    for c in value:
        if not ("0" <= c <= "9" or "A" <= c <= "Z" or "a" <= c <= "z"):
            return None
    return value if 4 <= len(value) <= 32 else None


def name(value):
    """A model, version or operator: 1 to 64 characters, no question mark (what was not ASCII)."""
    return value if 1 <= len(value) <= 64 and "?" not in value else None


def cell(value):
    """A cell or area: 1 to 8 hexadecimal digits, not all F."""
    found = _of(value, _HEX, 1, 8)
    return found if found is not None and found.upper().strip("F") else None


def _country(code):
    return code if 200 <= code <= 799 or code in (1, 901, 999) else None  # 1 and 999: test networks


def mcc_mnc(value):
    """`26201`, `310410` -> (262, 1), (310, 410), or None.

    Some firmwares print the hexadecimal digits of the country code as one decimal number: 460 is 0x460, comes as 1120.
    No country code begins with 1, so a value that does is taken for that.
    """
    if _of(value, _DECIMAL, 5, 7) is None:
        return None
    at = 3
    country = int(value[:3])
    if value[0] == "1":
        at = 4
        digits = "%x" % int(value[:4])
        if _of(digits, _DECIMAL, 3, 3) is None:
            return None
        country = int(digits)
    if _country(country) is None or not 2 <= len(value) - at <= 3:
        return None
    return country, int(value[at:])
