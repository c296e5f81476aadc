# SPDX-License-Identifier: MIT
"""A policy as values: what the TOML says and what the signed file holds, in one shape."""

from dataclasses import dataclass

from quell_host.policy.vocabulary import Action, Basis, Type

Op = bytes | tuple[int, int, tuple[bytes, ...] | None]
"""One step of a template: a literal, or type number, capture index (-1 none), parameter."""


@dataclass(frozen=True)
class Purpose:
    """Why data is collected. Times in seconds; `grant_by` holds role numbers (SPEC §2), rising.

    `notice` and `digest` are SHA-256 values; `weight` is 1…100, a share of the flash; `every_s`
    is 0 when nothing is sampled; `basis` equals its number in SPEC §2.
    """

    id: int
    name: str
    text: str
    basis: Basis
    granularity_s: int
    retention_s: int
    recipients: tuple[str, ...]
    region: str
    notice: bytes
    grant_by: tuple[int, ...]
    every_s: int
    weight: int
    epoch_s: int
    digest: bytes = b""


@dataclass(frozen=True)
class Field:
    """One allow-listed datum.

    `source` is the catalogue's name, or `log.TEMPLATE.CAPTURE`, in which a signed file, that holds
    no names of captures, has the capture's index. `ref` is the catalogue's id, or template id and
    capture index. `category` is its name. `parameters` are those of the action (SPEC §7).
    """

    id: int
    name: str
    source: str
    ref: int | tuple[int, int]
    category: str
    purposes: tuple[int, ...]
    action: Action
    parameters: tuple[int, ...]
    required: bool
    type: Type


@dataclass(frozen=True)
class Template:
    """A form of log line. `log` is the log's name, or `exception` for messages of exceptions.

    `line` and `captures` are empty when the template comes from a signed file.
    """

    id: int
    name: str
    log: str
    ops: tuple[Op, ...]
    line: str = ""
    captures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A whole policy. `expires` is unix seconds; `controller` name and contact; all ids rising.

    `rates`: source group → most events per minute. `narrows`: digests of older purposes that
    purposes of this policy only narrow, so that a consent given to them goes on.
    """

    name: str
    version: int
    expires: int
    controller: tuple[str, str]
    purposes: tuple[Purpose, ...]
    fields: tuple[Field, ...]
    templates: tuple[Template, ...]
    rates: dict[str, int]
    narrows: tuple[bytes, ...] = ()

    def fields_of(self, purpose_id: int) -> list[Field]:
        """The fields that this purpose uses, by id."""
        return [field for field in self.fields if purpose_id in field.purposes]

    def template(self, template_id: int) -> Template | None:
        """The template with this id."""
        return next((item for item in self.templates if item.id == template_id), None)
