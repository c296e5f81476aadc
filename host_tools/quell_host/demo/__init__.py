# SPDX-License-Identifier: MIT
"""`quell demo`: the whole job on this machine, told as a story, and its report."""
