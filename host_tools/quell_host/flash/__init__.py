# SPDX-License-Identifier: MIT
"""What is in a device's flash (firmware/SPEC.md §10), read from an image of it."""
