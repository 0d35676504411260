"""CoSQA: what people asked a search engine about Python, and functions that annotators judged (Huang et al., ACL 2021).

Format: the files of https://github.com/Jun-jie-Huang/CoCLR, data/search, and of CodeXGLUE's NL-code-search-WebQuery.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from bench.api import Doc, Query
from bench.data.dataset import Dataset
from bench.data.judged import Judged, Judgement
from bench.data.source import Opening, Source, slug
from bench.data.tables.records import content_hash, text_of
from bench.data.web.address import file_name, shown
from bench.data.web.download import download, is_address
from bench.errors import DataError

_LABELS = (0, 1)


@dataclass(frozen=True)
class Cosqa(Source):
    """CoSQA: questions asked of a search engine and functions of Python, each pair judged by people."""

    argument: ClassVar[str] = "test"

    test: str
    """The file of the held-out pairs, or its address: a JSON array of objects with idx, doc (the question), code and label."""
    train: str = ""
    """Likewise of the training pairs."""
    dev: str = ""
    """Likewise of the pairs to choose by; without it a tenth of the training questions serves."""
    codes: str = ""
    """All functions to search, a JSON object of code -> number, or its address; without it those of the three files."""
    checksum_test: str = ""
    """``sha256:`` or ``md5:`` and the digits that the file of the held-out pairs must have; likewise the others."""
    checksum_train: str = ""
    checksum_dev: str = ""
    checksum_codes: str = ""

    def name(self) -> str:
        """The name of the file of held-out pairs without its ending."""
        return slug(Path(file_name(self.test)).stem)

    def versions(self, opening: Opening) -> Mapping[str, str]:
        """Hash of the files."""
        return {name: content_hash(path) for name, path in self._files(opening).items()}

    def read(self, opening: Opening) -> Dataset:
        """Read the pairs of each split; label 1 is relevant. DataError names the file and the entry of what is damaged.

        Questions that no function answers are left out and counted; equal code is one document.
        """
        files = self._files(opening)
        found = _Found()
        if "codes" in files:
            found.take_codes(files["codes"])
        given = [name for name in ("test", "dev", "train") if name in files]
        for name in given:
            opening.progress(0.0, f"reading {files[name]}")
            found.take_pairs(name, files[name], every="codes" in files)
        judged = Judged(found.docs, found.queries, opening.card, names={name: files[name].name for name in given})
        addresses = [shown(path) for path in (self.test, self.dev, self.train, self.codes) if is_address(path)]
        return judged.given(found.judgements, {"addresses": ", ".join(addresses)} if addresses else {})

    def _files(self, opening: Opening) -> dict[str, Path]:
        given = {"test": self.test, "dev": self.dev, "train": self.train, "codes": self.codes}
        return {name: self._file(name, path, opening) for name, path in given.items() if path}

    def _file(self, name: str, path: str, opening: Opening) -> Path:
        place = path if is_address(path) else str(opening.located(path))
        checksum = str(getattr(self, f"checksum_{name}"))
        return download(place, opening.cache / "cosqa", checksum=checksum, progress=opening.progress)


@dataclass(frozen=True)
class _Found:
    """What was read so far. ids: code -> id of its document. places: idx -> where it was first."""

    docs: dict[str, Doc] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    judgements: dict[str, list[Judgement]] = field(default_factory=dict)

    def take_codes(self, path: Path) -> None:
        table = _json(path)
        if not isinstance(table, dict) or not table:
            raise DataError(f"{path}: a {type(table).__name__} where an object of code -> number should stand")
        for entry, (code, number) in enumerate(table.items(), start=1):
            if isinstance(number, bool) or not isinstance(number, int) or f"{number}" in self.docs:
                raise DataError(f"{path}: entry {entry}: {number!r:.40} is not a number of its own")
            self.ids[code] = f"{number}"
            self.docs[f"{number}"] = Doc(f"{number}", code)

    def take_pairs(self, split: str, path: Path, *, every: bool) -> None:
        """Add the pairs of a file; ``every``: all functions are known, and one that is not is a mistake."""
        rows = _json(path)
        if not isinstance(rows, list):
            raise DataError(f"{path}: a {type(rows).__name__} where an array of pairs should stand")
        judgements = self.judgements.setdefault(split, [])
        for entry, row in enumerate(rows, start=1):
            place = f"{path}: entry {entry}"
            name, question, code = (_text(place, row, key) for key in ("idx", "doc", "code"))
            if name in self.places:
                raise DataError(f"{place}: idx {name!r} stands in {self.places[name]} too")
            if every and code not in self.ids:
                raise DataError(f"{place}: its code is not among the {len(self.ids):,} functions to search")
            doc = self.ids.setdefault(code, name)
            self.docs.setdefault(doc, Doc(doc, code))
            self.places[name] = place
            self.queries[name] = Query(name, question)
            judgements.append(Judgement(name, doc, _label(place, row), place))


def _json(path: Path) -> Any:
    try:
        return json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise DataError(f"{path}: JSON nested too deep") from None


def _text(place: str, row: Any, key: str) -> str:
    if not isinstance(row, dict):
        raise DataError(f"{place}: a {type(row).__name__} where an object {{...}} should stand")
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        what = f"{key!r} is {value!r:.40}, not a text" if key in row else f"no {key!r}"
        raise DataError(f"{place}: {what}")
    return value


def _label(place: str, row: Mapping[str, Any]) -> int:
    label = row.get("label")
    if isinstance(label, bool) or label not in _LABELS:
        raise DataError(f"{place}: 'label' is {label!r:.40}, neither 0 nor 1")
    return int(label)
