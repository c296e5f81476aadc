# SPDX-License-Identifier: MIT
"""Bounds on what is read from an image: its bytes are a stranger's."""

MAX_IMAGE_BYTES = 64 * 1024 * 1024
"""Larger than the flash of any module. Every other bound follows from it."""

MAX_FILE_BYTES = 65536
"""Of one file of a device: four times what the largest, a policy, may have."""

MAX_FINDINGS = 1000
"""Past this, it is not a store with faults but something else."""

MAX_RECORDS_LISTED = 100_000
"""In one JSON document."""

MAX_GAPS_LISTED = 1000
"""For each ring, in JSON."""
