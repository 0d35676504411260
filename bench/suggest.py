"""What a mistyped name may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """End of an error message: the nearest match, if any, and all that exist."""
    names = sorted(known)
    match = get_close_matches(name, names, n=1, cutoff=0.5)
    meant = f"; did you mean {match[0]!r}? There" if match else "; there"
    return f"{meant} are: {', '.join(names) or 'none'}"
