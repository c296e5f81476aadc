# SPDX-License-Identifier: MIT
"""Names of the reasons by which the core counts (SPEC §11), by number."""

NAMES = (
    "", "no-policy", "policy-expired", "no-consent", "unknown-field", "missing-required",
    "no-template", "line-too-long", "rate-limited", "source-failed", "source-absent", "bad-value",
    "record-too-big", "evicted", "unreadable", "flash-failed", "dropped-by-action", "ack-bad",
    "ack-stale", "gate-failed", "command-malformed", "command-bad-signature",
    "command-unknown-signer", "command-refused", "batch-refused", "wire-malformed", "link-failed",
    "retention", "purged", "slot-rotten", "message-dropped", "no-memory", "buffer-lost",
    "no-instance", "flush-refused", "sector-retired",
)  # fmt: skip
