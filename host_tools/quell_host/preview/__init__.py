# SPDX-License-Identifier: MIT
"""`quell preview`: what would leave a device, by the real firmware."""
