# SPDX-License-Identifier: MIT
"""apply: a verified command becomes state, whole or not at all.

A transition that restricts is in both slots before anything else happens; a withdrawal that finds the
flash full frees a reserve and the purpose's own records and tries again.
"""

from quell.counters import FLASH_FAILED
from quell.errors import FlashError
from quell.limits import FLASH_RESERVE_BYTES
from quell.outcomes import (
    ALREADY,
    DONE,
    REFUSED_BASIS,
    REFUSED_EXPIRED,
    REFUSED_ROLE,
    REFUSED_STALE,
    REFUSED_UNKNOWN_PURPOSE,
)
from quell.state.consent import (
    CONSENT,
    CONTRACT,
    GIVEN,
    LEGAL_OBLIGATION,
    LEGITIMATE_INTEREST,
    REVOKED,
    WITHDRAWN,
    Intent,
)
from quell.state.provisioning import OPERATOR

RESERVE_NAME = "reserve"


def grant(consent, purpose, generation, may, expired):
    """Apply a grant whose signature binds the purpose's digest and challenge -> outcome; the caller commits.

    `purpose`: the policy's Purpose; `generation`: the one that the grant names; `may`: the role is in grant_by.
    """
    if purpose.basis not in (CONSENT, LEGITIMATE_INTEREST):
        return REFUSED_BASIS
    if not may:
        return REFUSED_ROLE
    if expired:
        return REFUSED_EXPIRED
    entry = consent.purposes[purpose.id]
    given = entry.status == GIVEN and entry.digest == purpose.digest
    if given or (purpose.basis == LEGITIMATE_INTEREST and entry.status not in (WITHDRAWN, REVOKED)):
        return ALREADY  # it may collect as it is; another generation would leave its records behind
    if generation != entry.generation or purpose.id in consent.intents:
        return REFUSED_STALE
    consent.changed(entry, GIVEN)
    entry.granted_here = True
    return DONE


def withdrawal_outcome(consent, policy, purpose_id, generation, instance):
    """What a withdrawal would do -> DONE (apply it), or an outcome that changes nothing. Pure.

    `instance`: None for the local button, which always means now.
    """
    entry = consent.purposes.get(purpose_id)
    if entry is None:
        return REFUSED_UNKNOWN_PURPOSE
    purpose = policy.by_id.get(purpose_id) if policy is not None else None
    if purpose is not None and purpose.basis in (CONTRACT, LEGAL_OBLIGATION):
        return REFUSED_BASIS
    if purpose_id in consent.intents:
        return ALREADY
    if entry.status in (WITHDRAWN, REVOKED):
        return ALREADY
    if instance is not None:
        stale = generation < entry.generation if instance == consent.instance else entry.granted_here
        if stale:
            return ALREADY
    return DONE


def withdraw(consent, purpose_id, role, command_hash, last_handed, unsent, flash, rings, counters):
    """Stop the purpose: intent, status and generation in both slots. True if it is durable.

    Collection has stopped when this returns either way: the state in RAM is already the strict one.
    """
    entry = consent.purposes[purpose_id]
    consent.intents[purpose_id] = Intent(entry.generation, command_hash, role, last_handed, unsent, DONE)
    consent.changed(entry, REVOKED if role == OPERATOR else WITHDRAWN)
    for attempt in (0, 1):
        try:
            consent.commit_both()
            return True
        except FlashError:
            counters.add(FLASH_FAILED)
            if attempt == 0:
                _free(purpose_id, flash, rings)
    return False


def _free(purpose_id, flash, rings):
    """Make room: the reserve, then the records that are to go anyway."""
    for erase in (lambda: flash.erase(RESERVE_NAME), lambda: rings.shred(purpose_id)):
        try:
            erase()
        except FlashError:
            pass


def keep_reserve(flash):
    """Have FLASH_RESERVE_BYTES set aside for a withdrawal on a full flash. Best effort."""
    try:
        if flash.read(RESERVE_NAME) is None:
            flash.write(RESERVE_NAME, bytes(FLASH_RESERVE_BYTES))
    except FlashError:
        pass
