# SPDX-License-Identifier: MIT
"""Policies: written as TOML, checked, compiled to CBOR, signed, and shown in words."""
