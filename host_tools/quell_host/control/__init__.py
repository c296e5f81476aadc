# SPDX-License-Identifier: MIT
"""What the host asks of devices: consent and policies, put into the bundles of their signers."""
