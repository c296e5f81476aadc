# SPDX-License-Identifier: MIT
"""Every limit on a policy. What an agent can hold is the smaller side of each."""

import datetime

MAX_SOURCE_BYTES = 256 * 1024
"""Of the TOML file: sixteen times what any policy compiles to."""

MAX_NOTICE_BYTES = 1024 * 1024
MAX_FILE_BYTES = 16384
"""Of the signed policy (SPEC §7)."""

MAX_PURPOSES = 16
MAX_FIELDS = 128
MAX_TEMPLATES = 64
MAX_PURPOSE_ID = 255
MAX_FIELD_ID = 65535
MAX_TEMPLATE_ID = 255
MAX_VERSION = 2**31 - 1
LATEST_EXPIRY = datetime.date(2100, 1, 1)
"""Agents count the seconds of a policy's end in 32 bits."""

MAX_TEXT_CHARACTERS = 280
MAX_CONTACT_CHARACTERS = 120
MAX_RECIPIENTS = 16
MAX_RECIPIENT_CHARACTERS = 80

MAX_TEMPLATE_BYTES = 256
MAX_CAPTURES = 16
MAX_ENUM_VALUES = 32
MIN_LITERAL_CHARACTERS = 4

MAX_BUCKET_BOUNDS = 32
MAX_BUCKET_NUMBER = 2**53 - 1
"""Above this, numbers change in the JSON of many readers."""

MAX_RATE_PER_MIN = 60000
MAX_FINDINGS = 200
"""Past this, a file is not a policy with mistakes but something else."""

DAY_S = 86400
MIN_GRANULARITY_S, MAX_GRANULARITY_S = 1, 31 * DAY_S
MIN_RETENTION_S, MAX_RETENTION_S = 3600, 3660 * DAY_S
MIN_EVERY_S, MAX_EVERY_S = 10, 31 * DAY_S
MIN_EPOCH_S, MAX_EPOCH_S = 3600, 400 * DAY_S
DEFAULT_EPOCH_S = 7 * DAY_S
DEFAULT_WEIGHT = 10
DEFAULT_RATES_PER_MIN = {"log": 600, "exception": 60, "app": 600}
DEFAULT_SAMPLED_RATE_PER_MIN = 60
"""Of the groups that are sampled; no `every` comes near it."""
