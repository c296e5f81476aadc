# SPDX-License-Identifier: MIT
"""Key files of signers and regions: made, read and listed."""
