"""Pages of tldr-pages: what to do, in words, and the command that does it.

Format: https://github.com/tldr-pages/tldr, contributing-guides/style-guide.md and CLIENT-SPECIFICATION.md.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from bench.data.dataset import Dataset
from bench.data.pairing import Pair, dataset_from_pairs
from bench.data.source import Opening, Source
from bench.data.tables.records import content_hash, text_lines
from bench.data.web.fetch import fetched_folder
from bench.errors import DataError

_TOLD_EVERY = 500
# An escaped brace is a brace of the command; see "Page structure" in the client specification.
_PLACEHOLDER = re.compile(r"\\\{\\\{|\\\}\\\}|\{\{(.*?)\}\}(?!\})")
_OPTIONS = re.compile(r"\[([^|\]]+)\|([^|\]]+)\]")
# Letters in brackets show which option they stand for: "E[x]tract an archive".
_MNEMONIC = re.compile(r"(?<=\w)\[(\w+)\]|\[(\w+)\](?=\w)")


@dataclass(frozen=True)
class Tldr(Source):
    """Pages of tldr-pages: the description of an example asks, its command answers."""

    argument: ClassVar[str] = "origin"

    origin: str
    """A copy of the repository, one language's archive as it is released, either unpacked or .zip, or the address of one."""
    pages: str = "pages"
    """Folder of a language in a copy of the repository: pages (English), pages.de, ..."""
    placeholders: Literal["names", "braces"] = "names"
    """names: {{path/to/file}} becomes path/to/file and {{[-o|--output]}} --output; braces: commands as the page has them."""
    checksum: str = ""
    """Of the archive: sha256:... or md5:..."""
    size: int = 0
    """Bytes of the archive, where they are known."""

    def versions(self, opening: Opening) -> Mapping[str, str]:
        """Hash of the pages and of their names."""
        folder, paths = self._files(opening)
        names = "\n".join(path.relative_to(folder).as_posix() for path in paths)
        return {"content": content_hash(*paths), "names": hashlib.sha256(names.encode()).hexdigest()}

    def read(self, opening: Opening) -> Dataset:
        """Read the examples of all platforms; those of one command stay together. DataError names page and line of damage."""
        folder, paths = self._files(opening)
        dropped: Counter[str] = Counter()
        pairs: list[Pair] = []
        for number, path in enumerate(paths):
            if number % _TOLD_EVERY == 0:
                opening.progress(0.6 * number / len(paths), f"reading {path.relative_to(folder)}")
            pairs += self._pairs(path, dropped)
        platforms = Counter(path.parent.name for path in paths)
        facts = {
            "pages": ", ".join(f"{count:,} {name}" for name, count in platforms.most_common()),
        }
        if dropped:
            facts["dropped"] = "; ".join(f"{count:,} {why}" for why, count in dropped.items())
        if not pairs:
            raise DataError(f"{folder}: no page has an example")
        return dataset_from_pairs(pairs, opening.card, facts, opening.progress)

    def _files(self, opening: Opening) -> tuple[Path, Sequence[Path]]:
        """The folder of the language, and its pages, which stand in one folder for each platform."""
        base = fetched_folder(self.origin, opening, opening.cache / "tldr", checksum=self.checksum, size=self.size)
        named = [path for path in (base / self.pages, *sorted(base.glob(f"*/{self.pages}"))) if path.is_dir()]
        # The archive of one language begins with the platforms.
        folder = named[0] if named else base
        paths = sorted(folder.glob("*/*.md")) if named or self.pages == "pages" else []
        if not paths:
            raise DataError(f"{self.origin}: no pages; there must be files such as {self.pages}/common/tar.md in it")
        return folder, paths

    def _pairs(self, path: Path, dropped: Counter[str]) -> Iterator[Pair]:
        for number, example in enumerate(_examples(path), start=1):
            if example.command.startswith("tldr ") and not path.stem.startswith("tldr"):
                dropped["examples of aliases, which only name another page"] += 1
                continue
            command = _filled(example.command) if self.placeholders == "names" else example.command
            name = f"{path.parent.name}/{path.stem}:{number}"
            yield Pair(name, _plain(example.description), command, group=path.stem)


class _Example(NamedTuple):
    description: str
    command: str


def _examples(path: Path) -> Iterator[_Example]:
    """The examples of a page, as it writes them; raises DataError for what is no page."""
    description, begun, fence = "", 0, False
    block: list[str] = []
    number = 0
    for number, line in text_lines(path):
        text = line.strip()
        if text.startswith("```") and (fence or text.strip("`").isalnum() or text == "```"):
            if fence:
                yield _Example(_asked(path, number, description), "\n".join(block))
                description, block = "", []
            fence = not fence
        elif fence:
            block.append(line.rstrip())
        elif not text or text.startswith(("# ", ">")):
            continue
        elif text.startswith("- "):
            _unanswered(path, begun, description)
            description, begun = text[2:], number
        elif text.startswith("`"):
            yield _Example(_asked(path, number, description), _code(path, number, text))
            description = ""
        elif description:
            description = f"{description} {text}"
        else:
            raise DataError(
                f"{path}:{number}: {text[:40]!r} is no part of a page: # name, > text, - example or `command`"
            )
    if fence:
        raise DataError(f"{path}:{number}: a block of code that does not end")
    _unanswered(path, begun, description)


def _asked(path: Path, number: int, description: str) -> str:
    if not description:
        raise DataError(f"{path}:{number}: a command without a line '- what it does:' above it")
    return description


def _unanswered(path: Path, number: int, description: str) -> None:
    if description:
        raise DataError(f"{path}:{number}: an example without a command below it")


def _code(path: Path, number: int, text: str) -> str:
    ticks = re.match(r"`+", text)
    run = ticks[0] if ticks else ""
    inner = text[len(run) : -len(run)]
    if not text.endswith(run) or not inner.strip():
        raise DataError(f"{path}:{number}: {text[:40]!r} is no command between backticks")
    return inner.strip()


def _plain(description: str) -> str:
    """The description without the colon at its end, without backticks, and with its mnemonics as words."""
    text = _MNEMONIC.sub(lambda match: match[1] or match[2], description.replace("`", ""))
    return text.rstrip(" :\N{FULLWIDTH COLON}")


def _filled(command: str) -> str:
    """The command as a client shows it: placeholders without braces, of two spellings of an option the long one."""
    return _PLACEHOLDER.sub(_shown, command)


def _shown(match: re.Match[str]) -> str:
    inner: str | None = match[1]
    if inner is None:
        return match[0].replace("\\", "")
    options = _OPTIONS.fullmatch(inner)
    return max(options.groups(), key=len) if options else inner
