# SPDX-License-Identifier: MIT
"""The receiver: takes what devices send, keeps it in the ledger, answers after the commit."""
