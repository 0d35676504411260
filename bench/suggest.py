"""What a mistyped name may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: str, known: Iterable[str]) -> str:
    """For a message where there are too many names to list: the nearest match, if any, in brackets."""
    match = get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f" (did you mean {match[0]!r}?)" if match else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """End of an error message: the nearest match, if any, and all that exist."""
    names = sorted(known)
    match = get_close_matches(name, names, n=1, cutoff=0.5)
    meant = f"; did you mean {match[0]!r}? There" if match else "; there"
    return f"{meant} are: {', '.join(names) or 'none'}"
