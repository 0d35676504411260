"""Question/solution pairs in the Parquet files of a dataset repository on the Hugging Face hub."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

from bench.data.dataset import Dataset
from bench.data.source import Opening, Source, slug
from bench.data.tables.columns import SYNONYMS, Table, dataset_from_tables
from bench.data.tables.extras import needed
from bench.data.tables.parquet import parquet_rows
from bench.errors import DataError

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Hub(Source):
    """Pairs in the Parquet files of a dataset repository on the Hugging Face hub."""

    argument: ClassVar[str] = "repository"

    repository: str
    """OWNER/NAME."""
    revision: str = "main"
    """Commit, tag or branch; only a whole commit opens without a network and never changes."""
    files: str = "*.parquet"
    """Pattern of the files that are read, in the order of their names."""
    question: str = ""
    """Column of the question, where it has another name than usual; likewise the others."""
    solution: str = ""
    id: str = ""
    group: str = ""
    """Pairs of one group are never divided between splits."""
    date: str = ""
    """ISO 8601 or seconds since 1970; where there is one, the latest questions are held out."""
    body: str = ""
    """What was asked beside the question, as in a post below its title; for learning alone."""
    endpoint: str = ""
    """Address of another hub; it gets no token."""

    def name(self) -> str:
        """Owner and name with a hyphen between."""
        return slug(self.repository)

    def versions(self, opening: Opening) -> Mapping[str, str]:  # noqa: ARG002 - the hub decides
        """The commit that the revision is today."""
        return {"commit": self._commit()}

    def read(self, opening: Opening) -> Dataset:
        """Fetch the files of one commit, then group and split their pairs; DataError names file and row of what is damaged."""
        commit = self._commit()
        files = self._files(commit)
        tables = []
        for at, name in enumerate(files):
            opening.progress(0.5 * at / len(files), f"fetching {name}")
            path = self._fetched(name, commit, opening.cache / "hub")
            tables.append(Table(f"{self.repository}/{name}", parquet_rows(path)))
        wanted = {role: str(getattr(self, role)) for role in SYNONYMS}
        facts = {"repository": f"{self.repository} at {commit}", "files": ", ".join(files)}
        return dataset_from_tables(tables, wanted, opening, facts)

    def _commit(self) -> str:
        if _COMMIT.fullmatch(self.revision):
            return self.revision
        return str(self._info(self.revision).sha)

    def _files(self, commit: str) -> list[str]:
        names = sorted(file.rfilename for file in self._info(commit).siblings)
        found = [name for name in names if fnmatchcase(name, self.files)]
        if not found:
            listed = ", ".join(names[:8]) or "none"
            raise DataError(f"hub:{self.repository} at {commit[:8]} has no file {self.files!r}; there are {listed}")
        return found

    def _info(self, revision: str) -> Any:
        hub = self._library()
        with self._one_line():
            return hub.HfApi(**self._access()).dataset_info(self.repository, revision=revision)

    def _fetched(self, name: str, commit: str, folder: Path) -> Path:
        hub = self._library()
        with self._one_line():
            return Path(
                hub.hf_hub_download(
                    self.repository, name, repo_type="dataset", revision=commit, cache_dir=folder, **self._access()
                )
            )

    def _access(self) -> dict[str, Any]:
        # A card may come from anyone: the user's token goes to the hub that the user chose and nowhere else.
        return {"endpoint": self.endpoint, "token": False} if self.endpoint else {}

    def _library(self) -> Any:
        return needed("huggingface_hub", extra="hub", what=f"hub:{self.repository}")

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """What the hub and the network answer, as one line."""
        errors = needed("huggingface_hub.errors", extra="hub", what=f"hub:{self.repository}")
        place = f"hub:{self.repository} at {self.revision}"
        try:
            yield
        except errors.RevisionNotFoundError:
            raise DataError(f"{place}: there is no such revision") from None
        except errors.RepositoryNotFoundError:
            raise DataError(f"{place}: there is no such dataset, or it needs a login: hf auth login") from None
        except (OSError, ValueError, errors.HTTPError, errors.EntryNotFoundError) as error:
            raise DataError(f"{place}: {' '.join(str(error).split())}") from None
