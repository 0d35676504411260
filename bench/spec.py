"""The text of a system and its value: ``bm25:k1=0.9+gru`` <-> Fused((Unit("bm25", ...), Unit("gru"))).

    systems := system ("," system)*
    system  := cascade ("+" cascade)*          fused
    cascade := unit ("/" unit)*                re-ranked, left to right; binds tighter than "+"
    unit    := (name | "{" system "}") (":" key "=" value)*

An operator's own options (``depth``, ``blend``, ``weights``, ``rrf_k``) stand after its last part and belong to the
innermost operator that takes them; after a ``}`` they belong to the group. Nothing needs quoting in a shell: other
characters of a value are written as ``%XX``, but a path that begins with ``./``, ``../``, ``~/`` or ``/`` may stand as it
is, and so may the OWNER/NAME of a ``model``. ``parse(str(x)) == x``.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import quote, unquote

from bench.errors import SpecError

CASCADE_OPTIONS = ("depth", "blend")
FUSION_OPTIONS = ("weights", "rrf_k", "depth")

Options = tuple[tuple[str, str], ...]

_TOKEN = re.compile(
    r"(?<==)(?:~|\.{1,2})?/[A-Za-z0-9_.~%/-]+"
    r"|(?<=:model=)[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"
    r"|(?P<name>[A-Za-z0-9_.~%-]+)|(?P<mark>[{}:=+/,])"
)
_PATH = re.compile(r"(?:~|\.{1,2})?/.")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_OPEN_END = re.compile(r"=(?:~|\.{1,2})?/[^:+{}]+$|:model=[A-Za-z0-9_.-]+$")  # what would swallow a "/" behind it


@dataclass(frozen=True)
class _Operand:
    """A system that can be fused (``a + b``) and re-ranked (``a / b``)."""

    def __add__(self, other: "Spec") -> "Fused":
        parts = tuple(part for side in (self, other) for part in _flattened(side))
        return Fused(parts)

    def __truediv__(self, other: "Spec") -> "Cascade":
        return Cascade(self, other)  # type: ignore[arg-type]  # every operand is one of the three below


@dataclass(frozen=True)
class Unit(_Operand):
    """One retriever or scorer by name, with the parameters that differ from its defaults."""

    name: str
    options: Options = ()

    @classmethod
    def of(cls, name: str, **options: object) -> Self:
        """``Unit.of("bm25", k1=0.9)``, as typed ``bm25:k1=0.9``."""
        return cls(name, tuple((key, str(value)) for key, value in options.items()))

    def __str__(self) -> str:
        return self.name + _options_text(self.options)


@dataclass(frozen=True)
class Cascade(_Operand):
    """``first/second``: the second re-ranks the first's best."""

    first: "Spec"
    second: "Spec"
    options: Options = ()

    def __str__(self) -> str:
        first = str(self.first)
        if isinstance(self.first, Fused) or _OPEN_END.search(first):
            first = f"{{{first}}}"
        second = str(self.second) if isinstance(self.second, Unit) else f"{{{self.second}}}"
        text = f"{first}/{second}"
        plain = isinstance(self.second, Unit) or not self.options
        return (text if plain else f"{{{text}}}") + _options_text(self.options)


@dataclass(frozen=True)
class Fused(_Operand):
    """``a+b``: rankings of several systems combined."""

    parts: tuple["Spec", ...]
    options: Options = ()

    def __str__(self) -> str:
        text = "+".join(f"{{{part}}}" if isinstance(part, Fused) else str(part) for part in self.parts)
        plain = isinstance(self.parts[-1], Unit) or not self.options
        return (text if plain else f"{{{text}}}") + _options_text(self.options)


Spec = Unit | Cascade | Fused


def parse(text: str) -> Spec:
    """Read one system; SpecError says what is wrong and where."""
    parser = _Parser(text)
    spec = parser.system()
    parser.end()
    return spec


def parse_list(text: str) -> tuple[Spec, ...]:
    """Read a comma-separated list of systems, as ``--retrievers`` takes it."""
    parser = _Parser(text)
    specs = [parser.system()]
    while parser.take(","):
        specs.append(parser.system())
    parser.end()
    return tuple(specs)


@dataclass
class _Parser:
    text: str
    tokens: list[tuple[str, int]] = field(default_factory=list)
    at: int = 0

    def __post_init__(self) -> None:
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if not match:
                hint = " (write it as %XX)" if position else ""
                raise SpecError(f"{self.text!r}: unexpected {self.text[position]!r} at {position + 1}{hint}")
            self.tokens.append((match.group(), position))
            position = match.end()

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, mark: str) -> bool:
        found = self.peek() == mark
        self.at += found
        return found

    def word(self, what: str) -> str:
        found = self.peek()
        if not found or found in "{}:=+/,":
            raise self.error(f"expected {what}")
        self.at += 1
        return found

    def error(self, problem: str) -> SpecError:
        here = f"before {self.peek()!r} at {self.tokens[self.at][1] + 1}" if self.peek() else "at the end"
        return SpecError(f"{self.text!r}: {problem} {here}")

    def end(self) -> None:
        if self.peek():
            raise self.error("expected ',', '+', '/' or ':'")

    def system(self) -> Spec:
        parts = [self.cascade()]
        while self.take("+"):
            parts.append(self.cascade())
        if len(parts) == 1:
            return parts[0]
        parts[-1], options = _surrender(parts[-1], FUSION_OPTIONS)
        return Fused(tuple(parts), options)

    def cascade(self) -> Spec:
        spec = self.unit()
        while self.take("/"):
            second, options = _surrender(self.unit(), CASCADE_OPTIONS)
            spec = Cascade(spec, second, options)
        return spec

    def unit(self) -> Spec:
        if not self.take("{"):
            return Unit(self.word("the name of a retriever"), self.options())
        inner = self.system()
        if not self.take("}"):
            raise self.error("expected '}'")
        options = self.options()
        if not options:
            return inner
        allowed = {Unit: (), Cascade: CASCADE_OPTIONS, Fused: FUSION_OPTIONS}[type(inner)]
        for key, _ in options:
            if key not in allowed:
                raise SpecError(
                    f"{self.text!r}: {{{inner}}} takes {' and '.join(allowed) or 'no options'}, not {key!r}"
                )
        return replace(inner, options=inner.options + options)

    def options(self) -> Options:
        found: dict[str, str] = {}
        while self.take(":"):
            key = self.word("the name of a parameter")
            if not self.take("="):
                raise self.error(f"expected '=' after {key!r}")
            if key in found:
                raise SpecError(f"{self.text!r}: {key!r} is given twice")
            found[key] = unquote(self.word(f"a value for {key!r}"))
        return tuple(found.items())


def _surrender(spec: Spec, keys: tuple[str, ...]) -> tuple[Spec, Options]:
    """Take from the last unit the options that belong to the operator around it."""
    if not isinstance(spec, Unit):
        return spec, ()
    mine = tuple(option for option in spec.options if option[0] in keys)
    return replace(spec, options=tuple(option for option in spec.options if option not in mine)), mine


def _options_text(options: Options) -> str:
    return "".join(f":{key}={quote(value, safe='/' if _as_it_is(key, value) else '')}" for key, value in options)


def _as_it_is(key: str, value: str) -> bool:
    """Whether a value with "/" in it needs no escape: a path, or a model's OWNER/NAME."""
    return bool(_PATH.match(value) or (key == "model" and _REPOSITORY.fullmatch(value)))


def _flattened(spec: object) -> tuple["Spec", ...]:
    if isinstance(spec, Fused) and not spec.options:
        return spec.parts
    return (spec,)  # type: ignore[return-value]  # an operand is a Spec
