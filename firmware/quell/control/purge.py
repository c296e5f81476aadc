# SPDX-License-Identifier: MIT
"""purge: carry out an intent. Key first, then data, then the receipt; each step may be cut and repeated.

The intent is already in both slots of the state when this runs: whatever happens now, the next boot goes on.
"""

from quell.counters import FLASH_FAILED, PURGED
from quell.errors import FlashError
from quell.port import CRYPTOGRAPHIC, RESTRICTED


def erase(purpose_id, intent, keys, rings, level, port, counters):
    """Destroy the purpose's keys and segments -> the erase level reached (quell.port). Idempotent.

    `level`: what the board's key store and flash reach when every step succeeds.
    """
    waiting = rings.forget(purpose_id)
    reached = level
    try:
        keys.erase(purpose_id, intent.generation)
        port.keystore.churn()
    except FlashError:
        counters.add(FLASH_FAILED)
        reached = RESTRICTED  # stopped, but what is still there was not erased
    try:
        rings.shred(purpose_id)
    except FlashError:
        counters.add(FLASH_FAILED)
        # without their key, which is physically gone, the records that are left are nothing but noise
        reached = CRYPTOGRAPHIC if reached >= CRYPTOGRAPHIC else RESTRICTED
    counters.add(PURGED, max(intent.unsent, waiting))
    return reached
