# SPDX-License-Identifier: MIT
"""The closed vocabularies of a policy and their numbers (SPEC §2, §7, §8)."""

import enum


class Basis(enum.IntEnum):
    """Legal basis of a purpose."""

    CONTRACT = 0
    LEGAL_OBLIGATION = 1
    LEGITIMATE_INTEREST = 2
    CONSENT = 3

    @property
    def label(self) -> str:
        """The word used in TOML, the purpose digest and for people."""
        return self.name.lower().replace("_", "-")


class Type(enum.IntEnum):
    """Type of a field's value before its action."""

    INT = 0
    BOOL = 1
    WORD = 2
    TEXT = 3
    TIME = 4
    IPV4 = 5
    IPV6 = 6
    MAC = 7
    IMEI = 8
    IMSI = 9
    ICCID = 10
    PHONE = 11
    ENUM = 12
    VERSION = 13
    HEX = 14
    IP = 15
    LEVEL = 16
    DURATION = 17
    ANY = 18
    ID = 19

    @property
    def label(self) -> str:
        """The word used in TOML and the catalogue."""
        return self.name.lower()


class Action(enum.IntEnum):
    """What happens to a field before storage."""

    KEEP = 0
    DROP = 1
    HASH = 2
    TRUNCATE = 3
    BUCKET = 4
    SCRUB = 5
    RANDOMIZE = 6

    @property
    def label(self) -> str:
        """The word used in TOML."""
        return self.name.lower()


BASES = {basis.label: basis for basis in Basis}
TYPES = {kind.label: kind for kind in Type}
ACTIONS = {action.label: action for action in Action}

LATER_ACTIONS = frozenset({Action.SCRUB, Action.RANDOMIZE})
"""Actions that agents of schema 1 refuse."""

KEEP_TYPES = frozenset(
    {
        Type.INT,
        Type.BOOL,
        Type.ENUM,
        Type.VERSION,
        Type.HEX,
        Type.LEVEL,
        Type.TIME,
        Type.DURATION,
    }
)
"""Types that may be stored as they are."""

FREE_TEXT_TYPES = frozenset({Type.WORD, Type.TEXT})
"""Types in which anything can stand; `keep` on them waits for the scrubber."""

TRUNCATE_TYPES = frozenset(
    {
        Type.IPV4,
        Type.IPV6,
        Type.IP,
        Type.MAC,
        Type.IMEI,
        Type.IMSI,
        Type.ICCID,
        Type.PHONE,
    }
)
"""Types of which a general part can be kept (SPEC §8)."""

BUCKET_TYPES = frozenset({Type.INT, Type.TIME, Type.DURATION})
"""Types that are numbers and can be put into ranges."""

UNHASHED_TYPES = frozenset({Type.TEXT, Type.BOOL})
"""Types whose pseudonym would be senseless: of a boolean it hides nothing."""

IDENTIFIER_TYPES = frozenset({Type.MAC, Type.IMEI, Type.IMSI, Type.ICCID, Type.PHONE, Type.ID, Type.IPV6})
"""Types that name one device, card or line."""

GRANT_ROLES = {"operator": 0, "subject": 1, "guardian": 2}
"""Who can be allowed to grant consent, by role number."""

EVENT_GROUPS = frozenset({"log", "exception", "app"})
"""Source groups whose fields come with an event; all others are sampled every `every_s`."""
