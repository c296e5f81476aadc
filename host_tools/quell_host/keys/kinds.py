# SPDX-License-Identifier: MIT
"""The kinds of key, what each is for, and the role that a signer of that kind has (SPEC §2)."""

REGION = "region"

ROLES: dict[str, int] = {"operator": 0, "subject": 1, "guardian": 2, "policy": 3}
"""Role number by kind of signer."""

USES: dict[str, str] = {
    "policy": "signs policies; best kept on another machine than the receiver",
    "operator": "asks devices for policies and withdrawals, in the operator's name",
    "subject": "grants and withdraws consent in the name of the person concerned",
    "guardian": "grants and withdraws consent for a person who cannot",
    "region": "wraps the device keys of one region in the ledger; not a signer",
}
"""Every kind, with one line of help each."""

ROLE_NAMES: dict[int, str] = {number: kind for kind, number in ROLES.items()}
"""Kind by role number."""
