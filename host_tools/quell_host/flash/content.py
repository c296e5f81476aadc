# SPDX-License-Identifier: MIT
"""All that is known of an image: its kind, stores, rings, keys and policies."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from quell_host.errors import ExitCode, QuellError
from quell_host.flash import rings, sealing, slots, stores, units
from quell_host.flash.image import Image, open_image, read_bounded
from quell_host.flash.limits import MAX_FILE_BYTES
from quell_host.flash.rings import Ring
from quell_host.flash.sealing import Opener
from quell_host.flash.stores import Keys, Stores
from quell_host.flash.units import Found, Holder
from quell_host.policy.document import Document


@dataclass
class Content:
    """An image, read. `keys` open records: the image's own, or those of `--keys`. `documents`: policies by version."""

    image: Image
    stores: Stores
    found: Found
    rings: list[Ring]
    keys: Keys | None = field(default=None, repr=False)
    documents: dict[int, Document] = field(default_factory=dict)

    def opener(self, holder: Holder) -> Opener | None:
        """What opens its records; None without the key."""
        return sealing.opener(self.keys, holder.purpose, holder.generation, holder.salt, holder.policy_version)

    def purpose_name(self, purpose: int) -> str | None:
        """The name of a purpose by the newest policy that knows it."""
        for version in sorted(self.documents, reverse=True):
            known = self.documents[version].purpose_by_id(purpose)
            if known is not None:
                return known.name
        return None

    def holders(self, ring: Ring) -> Iterator[Holder]:
        """Whatever holds records of a ring, oldest first."""
        yield from ring.units
        yield from ring.inline


def read_content(
    path: Path,
    offset: int = 0,
    size: int | None = None,
    keys_from: Path | None = None,
    policy_from: Path | None = None,
) -> Content:
    """Read an image. Raises UnreadableImage when nothing of Quell is in it, QuellError for whatever cannot be read."""
    policy = Document.read(policy_from) if policy_from is not None else None
    given = read_keys_file(keys_from) if keys_from is not None else None
    image = open_image(path, offset, size)
    found_stores = stores.gather(image)
    found = units.find(image)
    keys = given if given is not None else found_stores.keys
    documents = {document.version: document for document in found_stores.documents}
    if policy is not None:
        documents[policy.version] = policy
    built = rings.build(found, found_stores.state, found_stores.keys or keys)
    return Content(image, found_stores, found, built, keys, documents)


def read_keys_file(path: Path) -> Keys:
    """The ring keys in a file `keys.a`, or those in force in another image or folder. Raises QuellError without any."""
    keys = None
    data = b"" if path.is_dir() else read_bounded_head(path)
    if data[:2] == slots.MAGIC:
        keys = stores.read([slots.parse(read_bounded(path, MAX_FILE_BYTES), path.name, "keys")]).keys
    else:
        keys = stores.gather(open_image(path)).keys
    if keys is None:
        what = f"no key store that verifies in {path}"
        raise QuellError(what, "give a file keys.a, an image or a folder that holds one", ExitCode.USAGE)
    return keys


def read_bounded_head(path: Path) -> bytes:
    """The first bytes of a file, that tell what it is. Raises QuellError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(slots.HEAD_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise QuellError(f"cannot read {path}: {reason}", "check the name", ExitCode.USAGE) from None
