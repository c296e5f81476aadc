# SPDX-License-Identifier: MIT
"""Every format that crosses the wire, as firmware/SPEC.md gives it: made and opened on the host."""
