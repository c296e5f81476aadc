"""Ports: what quell.port asks for, per family of boards."""
