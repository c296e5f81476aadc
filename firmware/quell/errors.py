# SPDX-License-Identifier: MIT
"""The errors of the core: one base, one class per origin. Texts name what is wrong, never a value."""


class QuellError(Exception):
    """Base of every error that the core raises."""


class CborError(QuellError):
    """Bytes that are not of the CBOR profile (SPEC §1), or a value that it cannot carry."""


class CoseError(QuellError):
    """A COSE message of the wrong shape, algorithm or key, or whose tag or signature is false."""


class CommandError(QuellError):
    """A command or bundle that cannot be parsed, or is signed by nobody enrolled."""


class PolicyError(QuellError):
    """A policy that this agent must not follow; `outcome` is the receipt's code (SPEC §9)."""

    def __init__(self, text, outcome):
        super().__init__(text)
        self.outcome = outcome


class StateError(QuellError):
    """A provisioning record, key or state that is absent or not usable."""


class FlashError(QuellError):
    """A write or erase that did not succeed."""


class LinkError(QuellError):
    """The connection was lost, could not be made, or carried bytes that are not MQTT."""


class EntropyError(QuellError):
    """The generator has no state: nothing may be generated."""
