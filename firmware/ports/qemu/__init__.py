# SPDX-License-Identifier: MIT
"""The port of boards/QEMU_SABRELITE: what its chip holds, and random numbers that nobody may trust."""
