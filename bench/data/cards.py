"""Finds dataset cards: in the user's folders, in the checkout, in the installed package. Always by path, never by import."""

from collections.abc import Sequence
from pathlib import Path

from bench.data.card import Card, read_card
from bench.errors import CardError, DataError
from bench.suggest import closest


def find_card(name: str, folders: Sequence[Path] = ()) -> Card:
    """Read the card of this name; DataError names the nearest one where there is none."""
    paths = card_paths(folders)
    if name not in paths:
        raise DataError(
            f"no dataset {name!r}{closest(name, paths)}; `bench data list` names all, pairs:FILE opens your own"
        )
    return read_card(paths[name])


def card_paths(folders: Sequence[Path] = ()) -> dict[str, Path]:
    """Name -> file of every card, unread; ``folders`` come before the checkout, which comes before the installed copy."""
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise CardError(f"{folder}: no such folder of cards")
    for folder in (*folders, *_own_folders()):
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def _own_folders() -> list[Path]:
    package = Path(__file__).parents[1]
    # In a checkout the cards lie beside the package; a wheel holds them as bench/cards. Looking for pyproject.toml keeps
    # site-packages/datasets, which is another project's library, from being read as a folder of cards.
    checkout = package.parent
    inside = [checkout / "datasets"] if (checkout / "pyproject.toml").is_file() else []
    return [*inside, package / "cards"]
