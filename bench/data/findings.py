"""One finding of an audit, with its first cases cut for display."""

from collections.abc import Iterable

from bench.outcome import Finding

Case = tuple[str, str]
"""A text and the one beside which it is a case."""

_EXAMPLES = 3
_SHOWN = 300


def finding(name: str, of: int, cases: Iterable[Case], meaning: str) -> Finding:
    """A finding that counts its cases among ``of`` and shows the first three."""
    all_cases = list(cases)
    examples = tuple((_cut(a), _cut(b)) for a, b in all_cases[:_EXAMPLES])
    return Finding(name=name, found=len(all_cases), of=of, meaning=meaning, examples=examples)


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()} …"
