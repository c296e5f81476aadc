"""The bytes at rest: the segment format and its backends."""
