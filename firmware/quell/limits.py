# SPDX-License-Identifier: MIT
"""The limits of the core, with unit and reason. A loop or buffer without one is a bug.

Limits that a format fixes stand beside the format: CBOR depth and items in codec/cbor.py, runs of characters in
data/match.py and data/values.py.
"""

from quell.codec.builtin import const

# Messages. 1,400 bytes is what every AT modem publishes in one go (QMTPUB takes 1,460 at the least).
MAX_MESSAGE_BYTES = const(1400)
MAX_WIRE_BYTES = const(2048)  # one MQTT packet, topic and header included; longer: connection dropped
MAX_INBOX = const(24)  # messages taken from the link in one step: every retained bundle and the answer
MAX_WAITING_COMMANDS = const(48)  # three full bundles
MAX_HANDLED = const(64)  # hashes of commands answered in this boot
MAX_STATE_BYTES = const(16384)  # 16 purposes with their last receipts, 8 receipts that wait: at most 500 bytes each
MAX_KEYS_BYTES = const(8192)
MAX_PROVISIONING_BYTES = const(4096)
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
MAX_NAME_BYTES = const(32)  # of an exception's type, a file in a frame
MAX_EXCEPTIONS = const(4)  # waiting to be collected
DEFAULT_RATE_PER_MIN = const(600)  # events per source group, where the policy sets none

# Records.
MAX_RECORD_BYTES = const(512)
MAX_TEXT_BYTES = const(128)  # one string value
MAX_BATCH_RECORDS = const(64)
MAX_GAP = const(64)  # sequences in a row that a batch lists as gaps; after a longer hole it begins behind it
SEND_EVERY_MS = const(2000)  # gather at least this long, unless a full batch waits
SEQUENCE_BLOCK = const(1024)  # sequences reserved by one state commit
MAX_POLICY_HASHES = const(8)  # of versions that stored records may name

FLUSH_AFTER_MS = const(900000)  # a record waits at most 15 min in RAM, if a port says no other
HOUSEKEEPING_MS = const(3600000)  # retention, and what the state keeps of time and acknowledgements: 24 commits a day

# Uplink and control.
ACK_TIMEOUT_MS = const(15000)
MAX_SENDS = const(4)  # of one batch without an acknowledgement, before the connection is made anew
ANSWER_TIMEOUT_MS = const(30000)  # of the host to a state receipt, before it is sent again
MAX_STATE_RECEIPTS = const(3)  # without an answer, before the connection is made anew
RECEIPT_RETRY_MS = const(15000)
FETCH_TIMEOUT_MS = const(60000)  # of a policy body whose chunks do not come; data waits for it meanwhile
PURGE_RETRY_MS = const(60000)  # of a purge that the flash refused
FLASH_RESERVE_BYTES = const(4096)  # likewise, when the flash is full
MEMORY_RESERVE_BYTES = const(4096)  # let go of when an allocation fails, so that a withdrawal gets through
OPEN_TIMEOUT_MS = const(180000)  # of a connection that a link opens bit by bit; a modem takes 120 s for a broker
BACKOFF_FIRST_MS = const(1000)
BACKOFF_CAP_MS = const(300000)
UNGATED_CHECK_MS = const(5000)  # one signature check per 5 s for withdrawals whose gate failed
MAX_RECEIPTS = const(8)  # unacknowledged; while full only withdrawals are applied
