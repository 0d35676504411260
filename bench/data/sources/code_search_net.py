"""CodeSearchNet: documented functions of public repositories, split as published (Husain et al., arXiv 1909.09436)."""

import io
import re
import textwrap
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple

from bench.api import Doc, Query
from bench.data.dataset import Dataset
from bench.data.docstrings import definitions
from bench.data.judged import Judged, Judgement
from bench.data.prose import first_paragraph, words
from bench.data.source import Opening, Source
from bench.data.tables.records import Record, content_hash, json_lines
from bench.data.web.fetch import fetched_folder
from bench.errors import DataError

_SPLITS = {"test": "test", "dev": "valid", "train": "train"}
_TOLD_EVERY = 10_000


@dataclass(frozen=True)
class CodeSearchNet(Source):
    """CodeSearchNet: the first paragraph of a function's documentation asks, its code without it answers."""

    argument: ClassVar[str] = "path"

    path: str
    """The archive of one language as published, python.zip for example, unpacked or .zip, or its address."""
    limit_train: int = 0
    """The first so many training pairs, which bounds the memory; 0 for all (in Python 412,178, some 1.5 GB)."""
    checksum: str = ""
    """Of the archive: sha256:... or md5:..."""
    size: int = 0
    """Bytes of the archive, where they are known."""

    def versions(self, opening: Opening) -> Mapping[str, str]:
        """Hash of the files of functions; what else is in the archive is never read."""
        files = self._files(opening)
        return {"content": content_hash(*(path for paths in files.values() for path in paths))}

    def read(self, opening: Opening) -> Dataset:
        """Stream the functions of each split; DataError names file and line of what is damaged.

        Memory: the code of all that is kept. Functions of the same code are one document. A question without enough words
        (``TextRule.question_words``), and Python whose docstring cannot be told from its code, are left out and counted.
        """
        if self.limit_train < 0:
            raise DataError(f"code-search-net: limit_train={self.limit_train} must be 0 (all) or more")
        found = _Found({}, {}, {}, {}, {}, Counter())
        for split, files in self._files(opening).items():
            for path in files:
                opening.progress(0.0, f"reading {path.name}")
                found.add(split, path, opening, self.limit_train if split == "train" else 0)
        judged = Judged(found.docs, found.queries, opening.card, names=_SPLITS)
        dropped = "; ".join(f"{count:,} {why}" for why, count in found.dropped.most_common())
        dataset = judged.given(found.judgements, {"left out": dropped} if dropped else {})
        return replace(dataset, groups={query.id: found.groups[query.id] for query in _queries(dataset)})

    def _files(self, opening: Opening) -> dict[str, Sequence[Path]]:
        """Split -> its files by number, the held-out split first."""
        home = opening.cache / "code-search-net"
        base = fetched_folder(self.path, opening, home, checksum=self.checksum, size=self.size)
        places = [base, *sorted(base.glob("**/jsonl"))]
        found = {}
        for split, name in _SPLITS.items():
            paths = [path for place in places for path in (place / name).glob("*.jsonl*")]
            found[split] = sorted(paths, key=lambda path: (len(path.name), path.name))
        if not found["test"] or len({path.parent.parent for paths in found.values() for path in paths}) > 1:
            languages = [place.relative_to(base).as_posix() for place in places[1:]]
            told = f"; give one of {', '.join(languages)}" if len(languages) > 1 else ""
            raise DataError(f"{self.path}: there must be one folder jsonl with test, valid and train{told}")
        return {split: paths for split, paths in found.items() if paths}


class _Found(NamedTuple):
    """What was read so far. ids: code -> id of its document. groups: question -> repository and file."""

    docs: dict[str, Doc]
    ids: dict[str, str]
    queries: dict[str, Query]
    groups: dict[str, str]
    judgements: dict[str, list[Judgement]]
    dropped: Counter[str]

    def add(self, split: str, path: Path, opening: Opening, limit: int) -> None:
        """Add the functions of a file, until the split has ``limit`` of them (0: all)."""
        rows = self.judgements.setdefault(split, [])
        if limit and len(rows) >= limit:
            return
        for function in _functions(path):
            question = first_paragraph(function.docstring)
            code = _without_docstring(function.code) if function.language == "python" else function.code.strip()
            if len(words(question)) < opening.card.text.question_words:
                self.dropped["functions whose documentation has no sentence"] += 1
            elif not code:
                self.dropped["functions whose docstring cannot be told from the code"] += 1
            else:
                name = f"{path.name.partition('.')[0]}:{function.line}"
                doc = self.ids.setdefault(code, name)
                self.docs.setdefault(doc, Doc(doc, code))
                self.queries[name] = Query(name, question)
                self.groups[name] = function.place
                rows.append(Judgement(name, doc, 1, f"{path}:{function.line}"))
                if len(rows) == limit:
                    return
                if len(rows) % _TOLD_EVERY == 0:
                    opening.progress(0.0, f"reading {path.name}: {len(rows):,} functions")


class _Function(NamedTuple):
    line: int
    language: str
    place: str
    docstring: str
    code: str


def _functions(path: Path) -> Iterator[_Function]:
    for record in json_lines(path):
        language, repository, file, docstring, code = (
            _text(path, record, key) for key in ("language", "repo", "path", "docstring", "code")
        )
        yield _Function(record.line, language, f"{repository}/{file}", docstring, code)


def _text(path: Path, record: Record, key: str) -> str:
    value = record.fields.get(key)
    if not isinstance(value, str):
        what = f"{key!r} is {value!r:.40}, not a text" if key in record.fields else f"no {key!r}"
        raise DataError(f"{path}:{record.line}: {what}; is this a file of CodeSearchNet?")
    return re.sub(r"\r\n?", "\n", value)


def _queries(dataset: Dataset) -> Iterator[Query]:
    for split in (dataset.train, dataset.dev, dataset.test):
        yield from split.queries


def _without_docstring(code: str) -> str:
    """Python source without the docstrings in it, or only its first where it is of another Python; "" where that fails."""
    try:
        with warnings.catch_warnings():
            # Other people's invalid escapes are no concern of ours.
            warnings.simplefilter("ignore")
            first = next(definitions(textwrap.dedent(code)), None)
    except (SyntaxError, ValueError, RecursionError):
        return _without_first_string(code)
    # One that begins later stands inside, and the function itself has none.
    return (first.code if first and first.line == 1 else code).strip()


def _without_first_string(code: str) -> str:
    """The source without the string that its body begins with, found by its tokens alone; "" where there is none."""
    try:
        tokens = tokenize.generate_tokens(io.StringIO(code).readline)
        header = next((token for token in tokens if token.type == tokenize.NEWLINE), None)
        passed = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT)
        first = next((token for token in tokens if token.type not in passed), None)
    except (SyntaxError, tokenize.TokenError):
        return ""
    if header is None or first is None or first.type != tokenize.STRING:
        return ""
    lines = code.split("\n")
    (start, column), (end, after) = first.start, first.end
    kept = [lines[start - 1][:column] + re.sub(r"^[ \t]*;[ \t]*", "", lines[end - 1][after:])]
    lines[start - 1 : end] = kept if kept[0].strip() else []
    return "\n".join(lines).strip()
