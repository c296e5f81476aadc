# SPDX-License-Identifier: MIT
"""Every limit of the core, with its unit and its reason. A loop or buffer without one is a bug."""

from quell.codec.builtin import const

# Messages. 1,400 bytes is what every AT modem publishes in one go (QMTPUB takes 1,460 at the least).
MAX_MESSAGE_BYTES = const(1400)
MAX_WIRE_BYTES = const(2048)  # one MQTT packet, topic and header included; longer: connection dropped
MAX_INBOX = const(24)  # messages waiting for the control path: every retained bundle and the answer
MAX_COMMANDS = const(16)  # in one bundle (SPEC §6)
MAX_ANCHORS = const(8)  # signers enrolled on one device

# Policy. The whole file is hashed and checked in RAM, so it bounds the heap.
MAX_POLICY_BYTES = const(16384)
POLICY_CHUNK_BYTES = const(1200)
MAX_PURPOSES = const(16)
MAX_FIELDS = const(128)
MAX_TEMPLATES = const(64)

# Collection.
MAX_LINE_BYTES = const(512)  # a longer log line is dropped and counted, never cut and matched
MAX_LINES_PER_STEP = const(32)
MAX_FRAMES = const(12)  # of an exception
DEFAULT_RATE_PER_MIN = const(600)  # events per source group, where the policy sets none

# Records.
MAX_RECORD_BYTES = const(512)
MAX_TEXT_BYTES = const(128)  # one string value
MAX_BATCH_RECORDS = const(64)

# Ring, file slots: a segment is one littlefs block, the least that a file takes.
SEGMENT_BYTES = const(4096)
SEGMENTS_PER_PURPOSE = const(4)
FLUSH_AFTER_MS = const(900000)  # unsent records reach the flash at the latest 15 min after arrival

# Uplink and control.
ACK_TIMEOUT_MS = const(15000)
ANSWER_TIMEOUT_MS = const(30000)  # of the host to a state receipt, before it is sent again
RECEIPT_RETRY_MS = const(15000)
FETCH_TIMEOUT_MS = const(60000)  # of a policy body whose chunks do not come; data waits for it meanwhile
PURGE_RETRY_MS = const(60000)  # of a purge that the flash refused
MEMORY_RESERVE_BYTES = const(4096)  # let go of when an allocation fails, so that a withdrawal gets through
BACKOFF_FIRST_MS = const(1000)
BACKOFF_CAP_MS = const(300000)
UNGATED_CHECK_MS = const(5000)  # one signature check per 5 s for withdrawals whose gate failed
MAX_RECEIPTS = const(8)  # unacknowledged; while full only withdrawals are applied
