# SPDX-License-Identifier: MIT
"""A simulated QuecPython module: scripts run on MicroPython cut down to it, against imitations of its own modules."""
