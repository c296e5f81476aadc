# SPDX-License-Identifier: MIT
"""`sys`: the same as `usys`."""

from qpyfakes.usys import *  # noqa: F403
