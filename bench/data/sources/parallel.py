"""Two text files of the same number of lines, one with questions, one with their solutions, as parallel corpora come."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar

from bench.data.dataset import Dataset
from bench.data.source import Opening, Source, slug
from bench.data.tables.columns import SYNONYMS, Table, dataset_from_tables
from bench.data.tables.records import Record, content_hash, text_lines
from bench.data.web.address import file_name, shown
from bench.data.web.download import download, is_address
from bench.errors import DataError


@dataclass(frozen=True)
class Parallel(Source):
    """Two aligned text files, here or on the web: a question on each line of one, its solution on that line of the other."""

    argument: ClassVar[str] = "questions"

    questions: str
    """The file of the questions, or its address; either file may be gzipped."""
    solutions: str
    """The file of the solutions, or its address."""
    checksum_questions: str = ""
    """``sha256:`` or ``md5:`` and the digits that the file of the questions must have."""
    checksum_solutions: str = ""
    """Likewise of the solutions."""

    def name(self) -> str:
        """The name of the file of the questions without its endings."""
        return slug(re.sub(r"\.\w+(\.gz)?$", "", file_name(self.questions), flags=re.IGNORECASE))

    def versions(self, opening: Opening) -> Mapping[str, str]:
        """Hash of the two files."""
        return {"content": content_hash(*self._files(opening))}

    def read(self, opening: Opening) -> Dataset:
        """Read, group and split the pairs; DataError names the line of anything damaged, or both counts of lines.

        Equal solutions are one document; pairs with an empty side are left out and counted.
        """
        questions, solutions = self._files(opening)
        opening.progress(0.0, f"reading {questions} and {solutions}")
        addresses = [shown(place) for place in (self.questions, self.solutions) if is_address(place)]
        facts = {"addresses": ", ".join(addresses)} if addresses else {}
        table = Table(str(questions), _records(questions, solutions))
        usual = dict.fromkeys(SYNONYMS, "")
        return dataset_from_tables([table], {**usual, "question": "question", "solution": "solution"}, opening, facts)

    def _files(self, opening: Opening) -> tuple[Path, Path]:
        return (
            _file(self.questions, self.checksum_questions, opening),
            _file(self.solutions, self.checksum_solutions, opening),
        )


def _file(path: str, checksum: str, opening: Opening) -> Path:
    place = path if is_address(path) else str(opening.located(path))
    return download(place, opening.cache / "parallel", checksum=checksum, progress=opening.progress)


def _records(questions: Path, solutions: Path) -> Iterator[Record]:
    """Records of both files, line by line; raises DataError where one of them ends before the other."""
    for first, second in zip_longest(text_lines(questions), text_lines(solutions)):
        if first is None or second is None:
            counts = [(path, sum(1 for _ in text_lines(path))) for path in (questions, solutions)]
            told = ", ".join(f"{path} has {count:,} lines" for path, count in counts)
            raise DataError(f"{told}; there must be as many, line n of one belongs to line n of the other")
        line, question = first
        yield Record(line, {"question": question, "solution": second[1]})
