"""What ``--sweep`` asks for: ``gru:ann=hnsw.search_width=16,32,64``."""

import re
from dataclasses import dataclass

from bench.errors import OptionError, SpecError
from bench.spec import Spec, parse

FORM = "SYSTEM.PARAMETER=VALUE,VALUE,..., as in gru:ann=hnsw.search_width=16,32,64"

_ENTRY = re.compile(r"(?P<spec>.+)\.(?P<parameter>[A-Za-z_]\w*)=(?P<values>[^=]+)")


@dataclass(frozen=True)
class SweepRequest:
    """Which system, which of its parameters, and the texts of its values, as typed."""

    text: str
    spec: Spec
    parameter: str
    values: tuple[str, ...]


def read_sweep(text: str) -> SweepRequest:
    """Read one ``--sweep``; OptionError for what cannot be read."""
    match = _ENTRY.fullmatch(text.strip())
    values = tuple(value.strip() for value in match["values"].split(",")) if match else ()
    if match is None or not all(values):
        raise OptionError(f"--sweep {text}: write {FORM}")
    try:
        return SweepRequest(text.strip(), parse(match["spec"]), match["parameter"], values)
    except SpecError as error:
        raise OptionError(f"--sweep {text}: {error}; write {FORM}") from None
