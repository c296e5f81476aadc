# SPDX-License-Identifier: MIT
"""The simulated module below its fakes: time, threads, flash, network, faults, and the imports of a script."""
