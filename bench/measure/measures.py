"""Measures by their ir-measures names, such as nDCG@10 or P(rel=2)@5; a measure and its text are one and the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from bench.errors import OptionError
from bench.measure.formulas import FORMULAS, GAINS

_NUMBER = r"[1-9][0-9]{0,8}"
_TEXT = re.compile(rf"\s*([A-Za-z]+)\s*(?:\(([^()]*)\)\s*)?(?:@\s*({_NUMBER})\s*)?", re.ASCII)
_PARAMETER = re.compile(r"""\s*(rel|dcg)\s*=\s*(['"]?)([a-z0-9-]+)\2\s*""", re.ASCII)
_LINEAR = next(iter(GAINS))
_OTHER_NAMES = {"map": "AP", "mrr": "RR", "recall": "R", "precision": "P", "hit": "Success", "accuracy": "Success"}
_USUAL_CUTOFF = 10


@dataclass(frozen=True)
class Measure:
    """A measure such as nDCG@10; its text is its ir-measures name, and ``parse_measure`` reads it back.

    cutoff: how many hits count, None for all that were retrieved.
    rel: the lowest grade that is relevant. dcg: ``log2``, where a grade is a gain, or ``exp-log2``, where 2^grade - 1 is.
    """

    name: str
    cutoff: int | None = None
    rel: int = 1
    dcg: str = _LINEAR

    def __post_init__(self) -> None:
        formula = FORMULAS.get(self.name)
        if (
            formula is None
            or formula.cutoff not in (None, self.cutoff is not None)
            or (self.cutoff is not None and self.cutoff < 1)
            or not (self.rel == 1 or ("rel" in formula.parameters and self.rel > 1))
            or not (self.dcg == _LINEAR or ("dcg" in formula.parameters and self.dcg in GAINS))
        ):
            raise OptionError(_unknown(str(self)))

    def __str__(self) -> str:
        rel = "" if self.rel == 1 else f"(rel={self.rel})"
        dcg = "" if self.dcg == _LINEAR else f"(dcg={self.dcg!r})"
        cutoff = "" if self.cutoff is None else f"@{self.cutoff}"
        return f"{self.name}{rel}{dcg}{cutoff}"


def parse_measure(text: str) -> Measure:
    """Read a measure from its name, ``nDCG@10``; OptionError tells what exists.

    ``str`` gives the same text back, without spaces and without parameters at their defaults: ``P( rel = 1 )@5`` is
    ``P@5``. Quotes may be left out: ``nDCG(dcg=exp-log2)``.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise OptionError(_unknown(text))
    name, inside, cutoff = match.groups()
    parameters = _parameters(inside or "")
    if parameters is None or name not in FORMULAS or not parameters.keys() <= set(FORMULAS[name].parameters):
        raise OptionError(_unknown(text))
    rel = parameters.get("rel", "1")
    if not re.fullmatch(_NUMBER, rel):
        raise OptionError(_unknown(text))
    return Measure(name, None if cutoff is None else int(cutoff), int(rel), parameters.get("dcg", _LINEAR))


def _parameters(inside: str) -> dict[str, str] | None:
    """Parameter -> text of its value; None where something is no parameter or stands twice."""
    if not inside.strip():
        return {}
    parts = [_PARAMETER.fullmatch(part) for part in inside.split(",")]
    found = {part[1]: part[3] for part in parts if part}
    return found if len(found) == len(parts) else None


def _unknown(text: str) -> str:
    nearest = _nearest(text)
    meant = f"did you mean {nearest}? Choose" if nearest else "choose"
    graded = ", ".join(name for name, formula in FORMULAS.items() if "rel" in formula.parameters)
    return (
        f"measure {text!r} does not exist; {meant} from {', '.join(_forms())} with k = 1, 2, ...; "
        f"(rel=2) behind {graded} sets the lowest relevant grade; nDCG(dcg='exp-log2') has exponential gains"
    )


def _forms() -> Iterator[str]:
    yield from (name for name, formula in FORMULAS.items() if formula.cutoff is not True)
    yield from (f"{name}@k" for name, formula in FORMULAS.items() if formula.cutoff is not False)


def _nearest(text: str) -> str:
    """A measure that the text may have meant, "" if none comes near."""
    given = re.match(r"\s*([A-Za-z]*)", text)
    known = {name.casefold(): name for name in FORMULAS} | _OTHER_NAMES
    close = get_close_matches(given[1].casefold() if given else "", known, n=1)
    if not close:
        return ""
    name = known[close[0]]
    cutoff = re.search(rf"@\s*({_NUMBER})\s*$", text, re.ASCII)
    if cutoff and FORMULAS[name].cutoff is not False:
        return f"{name}@{cutoff[1]}"
    return f"{name}@{_USUAL_CUTOFF}" if FORMULAS[name].cutoff else name
