"""The contract of a source: what the author of a new kind of collection reads.

A source is a frozen dataclass in a file of its own in ``bench/data/sources``. Its file name is the kind that a card names
(``stack_dump.py`` is ``stack-dump``), its fields are the other keys of the card's ``[source]``, one without a default is
required. ``--dataset KIND:ARGUMENT,key=value`` works without a card where ``argument`` names the field to fill.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.data.card import Card
from bench.data.dataset import Dataset
from bench.data.web.address import file_name

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and a note while a collection is built."""


def slug(text: str) -> str:
    """Text as a collection's name: lower-case letters, digits and dots, hyphens for all else; never empty."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "collection"


@dataclass(frozen=True)
class Opening:
    """What a source is given besides its options.

    card: facts, split rule and text rule of the collection. folder: where relative paths start. cache: folder for what is
    downloaded, kept between runs and shared by all collections; a source makes one of its own inside.
    """

    card: Card
    folder: Path
    cache: Path
    progress: Progress

    def located(self, path: str) -> Path:
        """Path of a file or folder that the source names; relative ones start at the card."""
        return self.folder / Path(path).expanduser()


class Source(ABC):
    """Records of one kind of collection; its fields are the options."""

    argument: ClassVar[str] = ""
    """The field that ``--dataset KIND:ARGUMENT`` fills; empty where a collection of this kind needs a card."""

    def versions(self, opening: Opening) -> Mapping[str, str] | None:  # noqa: ARG002 - most depend on nothing else
        """What the content depends on besides card and code; None where reading again is as fast as a cache."""
        return None

    @abstractmethod
    def read(self, opening: Opening) -> Dataset:
        """Read and split the collection; DataError names file and line of what is damaged."""

    def name(self) -> str:
        """What a collection without a card is called in reports: lower-case letters, digits, dots and hyphens."""
        return slug(Path(file_name(str(getattr(self, self.argument)))).stem)
