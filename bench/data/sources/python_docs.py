"""The embedded collection: docstrings and code of the standard library and of installed packages, read but never imported."""

import platform
import re
import sys
import sysconfig
import tokenize
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from bench.data.card import TextRule
from bench.data.dataset import Dataset
from bench.data.docstrings import Definition, definitions
from bench.data.pairing import Pair, dataset_from_pairs, folded
from bench.data.prose import after_first_paragraph, first_paragraph, quotes, words
from bench.data.source import Opening, Progress, Source
from bench.errors import DataError


@dataclass(frozen=True)
class PythonDocs(Source):
    """Docstrings and the code they describe, of the standard library and of installed packages."""

    packages: Mapping[str, str]
    """Distribution -> its folder."""
    skip_stdlib: tuple[str, ...]
    """Packages of the standard library that are left out."""
    skip_folders: tuple[str, ...]
    """Folders inside packages that are left out."""
    bodies: bool = False
    """Whether what stands below a docstring's first paragraph is kept as the question's body, to learn from."""

    def versions(self, opening: Opening) -> Mapping[str, str]:
        """Versions of Python and of the packages, which together decide what ``read`` finds; DataError for one not installed."""
        found = {"Python": platform.python_version()}
        for name in self.packages:
            try:
                found[name] = distribution(name).version
            except PackageNotFoundError:
                raise DataError(
                    f"{opening.card.name} is made of installed packages, and {name} is not installed"
                ) from None
        return found

    def read(self, opening: Opening) -> Dataset:
        """Extract, filter, group and split the pairs; most of the half minute that it takes on one core is parsing."""
        dropped: Counter[str] = Counter()
        pairs = _distinct(_pairs(self, opening.card.text, dropped, opening.progress), dropped)
        return _told(pairs, self.versions(opening), dropped, opening)


def _told(pairs: list[Pair], versions: Mapping[str, str], dropped: Counter[str], opening: Opening) -> Dataset:
    names = {pair.id for pair in pairs}
    nested = sum(any(outer in names for outer in _around(name)) for name in names)
    facts = {
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "dropped": "; ".join(f"{count:,} {why}" for why, count in sorted(dropped.items(), key=lambda item: -item[1])),
        "nested": f"{nested:,} solutions stand inside another, a method in its class; only the inner one is judged right",
    }
    return dataset_from_pairs(pairs, opening.card, facts, opening.progress)


class _File(NamedTuple):
    id: str
    path: Path


def _pairs(source: PythonDocs, rule: TextRule, dropped: Counter[str], progress: Progress) -> Iterator[Pair]:
    files = _files(source)
    for number, file in enumerate(files):
        if number % 50 == 0:
            progress(0.65 * number / len(files), f"reading {file.id}")
        for definition in _definitions(file, dropped):
            question = first_paragraph(definition.docstring)
            why = _unfit(definition, question, rule)
            if why:
                dropped[why] += 1
            else:
                name, group = (f"{file.id}:{part}" for part in (definition.name, definition.scope))
                body = after_first_paragraph(definition.docstring) if source.bodies else ""
                yield Pair(name, question, definition.code, group=group, body=body)


def _definitions(file: _File, dropped: Counter[str]) -> list[Definition]:
    try:
        with tokenize.open(file.path) as handle, warnings.catch_warnings():
            # Other people's invalid escapes are no concern of ours.
            warnings.simplefilter("ignore")
            return list(definitions(handle.read()))
    except (SyntaxError, UnicodeDecodeError):
        dropped["files of another Python's syntax"] += 1
        return []


def _unfit(definition: Definition, question: str, rule: TextRule) -> str:
    """Why a definition makes no pair, "" if it does."""
    return next((why for why, unfit in _FILTERS.items() if unfit(definition, question, rule)), "")


def _plain_name(definition: Definition) -> str:
    return definition.name.partition("#")[0].rpartition(".")[2]


# After the filters of CodeSearchNet (Husain et al., arXiv 1909.09436, section 2), with shorter functions let in.
_FILTERS: Mapping[str, Callable[[Definition, str, TextRule], bool]] = {
    "special methods": lambda d, _, __: re.fullmatch(r"__\w+__", _plain_name(d)) is not None,
    "tests": lambda d, _, __: _plain_name(d).casefold().startswith("test"),
    "docstrings without a sentence": lambda _, question, rule: len(words(question)) < rule.question_words,
    "docstrings that point elsewhere": lambda _, question, __: question.casefold().startswith(("see ", "deprecated")),
    "docstring templates": lambda _, question, __: re.search(r"%\(|\{\w*\}", question) is not None,
    "definitions without code": lambda d, _, rule: d.trivial or d.code.count("\n") + 1 < rule.code_lines,
    "questions that stand in their own code": lambda d, question, _: quotes(d.code, question),
}


def _distinct(pairs: Iterator[Pair], dropped: Counter[str]) -> list[Pair]:
    """Keep the first pair of each question and of each code: a second one would make a right answer count as wrong."""
    questions: set[str] = set()
    solutions: set[str] = set()
    kept = []
    for pair in pairs:
        question, solution = folded(pair.question), folded(pair.solution)
        if question in questions:
            dropped["questions that repeat another"] += 1
        elif solution in solutions:
            dropped["code that repeats another"] += 1
        else:
            kept.append(pair)
        questions.add(question)
        solutions.add(solution)
    return kept


def _around(name: str) -> Iterator[str]:
    """Ids of the definitions around one: ``a.py:A`` and ``a.py:A.b`` for ``a.py:A.b.c``."""
    file, _, qualified = name.partition(":")
    parts = qualified.split(".")
    return (f"{file}:{'.'.join(parts[:depth])}" for depth in range(1, len(parts)))


def _files(source: PythonDocs) -> list[_File]:
    skipped = frozenset(source.skip_folders)
    found = _standard_library(frozenset(source.skip_stdlib), skipped)
    for name, folder in source.packages.items():
        root = Path(str(distribution(name).locate_file(folder)))
        files = list(_below(root, root.parent, skipped))
        if not files:
            raise DataError(f"the source files of {name} are needed, and {root} holds none")
        found += files
    return found


def _standard_library(skip_modules: frozenset[str], skip_folders: frozenset[str]) -> list[_File]:
    root = Path(sysconfig.get_path("stdlib"))
    found: list[_File] = []
    for entry in sorted(root.iterdir()):
        # The names that Python itself calls its library, so that nothing else that lies in the folder gets in.
        if entry.stem in sys.stdlib_module_names and entry.stem not in skip_modules:
            found += [_File(entry.name, entry)] if entry.suffix == ".py" else _below(entry, root, skip_folders)
    if not found:
        raise DataError(f"the source files of Python's standard library are needed, and {root} holds none")
    return found


def _below(folder: Path, root: Path, skipped: frozenset[str]) -> Iterator[_File]:
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(root)
        if skipped.isdisjoint(relative.parts[:-1]) and not relative.name.startswith(("test_", "conftest")):
            yield _File(relative.as_posix(), path)
