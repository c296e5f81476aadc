"""Encodings and cryptography that MicroPython does not bring."""
