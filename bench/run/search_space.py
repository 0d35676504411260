"""Where hyper-parameters are searched: the dimensions of a system, and the system that a choice of values makes."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import count
from math import isfinite
from typing import Any, get_type_hints

from bench.api import Component, Range
from bench.build import build
from bench.ensemble import Ensemble
from bench.errors import BenchError, OptionError, PluginError, SpecError
from bench.loading import choices
from bench.pipeline import Exhaustive
from bench.plugins import Plugin
from bench.spec import Cascade, Fused, Spec, Unit
from bench.suggest import nearest

DIGITS = 3
"""Significant digits of a number that is tried: what is found can be typed, and finer steps decide nothing on dev."""
WIDE = 100.0
"""A range given by the user, of which its component says nothing, counts by factors from this ratio on."""

_BETWEEN = re.compile(r"~(?!/)|(?<=[^~])~(?=/)")
"""Between the values of a list; one that a path begins with, ``~/``, stands at the start or behind another ``~``."""
_PATH = re.compile(r"[~/]")
"""What the two ends of a range never hold, while paths and lists do."""

Value = bool | int | float | str | None


@dataclass(frozen=True)
class Dimension:
    """One hyper-parameter that is searched.

    name: ``k1``, in a system of parts ``bm25.k1``. part, field: which unit of the spec has it, and under which name.
    values: a range or choices. whole: whether only whole numbers will do. given: its value in the system as given.
    """

    name: str
    part: int
    field: str
    values: Range | tuple[Value, ...]
    whole: bool
    given: Value

    def __contains__(self, value: Value) -> bool:
        """Whether a value may be tried."""
        if isinstance(self.values, Range):
            return isinstance(value, int | float) and self.values.low <= value <= self.values.high
        return value in self.values

    def __str__(self) -> str:
        """``0.5 to 3``, ``0.0005 to 0.02 (by factors)``, ``true or false``."""
        if isinstance(self.values, Range):
            low, high, log = self.values
            return f"{low:g} to {high:g}{' (by factors)' if log else ''}"
        return " or ".join(map(_text, self.values))

    def near(self, value: Value) -> Value:
        """The value with few digits, still in the range."""
        if not isinstance(self.values, Range) or not isinstance(value, float):
            return value
        return min(max(float(f"{value:.{DIGITS}g}"), self.values.low), self.values.high)

    @property
    def size(self) -> float:
        """How many values there are; infinite for a range of real numbers."""
        if not isinstance(self.values, Range):
            return len(self.values)
        return self.values.high - self.values.low + 1 if self.whole else float("inf")


def dimensions(spec: Spec, plugins: Mapping[str, Plugin], ranges: Mapping[str, str]) -> tuple[Dimension, ...]:
    """What is searched of a system: what its components say, but nothing that the spec spells out, and the user's ranges.

    OptionError for a range of the user's that cannot be searched and where there is nothing to search; PluginError for a
    component's.
    """
    units = list(_units(spec))
    seen = Counter[str]()
    found, known = [], []
    for part, unit in enumerate(units):
        seen[unit.name] += 1
        number = f"-{seen[unit.name]}" if seen[unit.name] > 1 else ""
        prefix = f"{unit.name}{number}." if len(units) > 1 else ""
        component = _component(unit, plugins)
        names = [item.name for item in fields(component) if item.init]  # type: ignore[arg-type]  # checked by load
        if strangers := set(component.space) - set(names):
            raise PluginError(f"{unit.name}: its space names {min(strangers)!r}, which is none of its parameters")
        known += [f"{prefix}{name}" for name in names]
        spelled = {key for key, _ in unit.options}
        for name in names:
            text, own = ranges.get(f"{prefix}{name}"), component.space.get(name)
            if text is not None:
                values = _given(text, own, name, unit, plugins)
            elif own is not None and name not in spelled:
                values = own
            else:
                continue
            whole = _checked(
                component,
                name,
                values,
                f"{'--tune: ' if text else ''}{unit.name}.{name}",
                OptionError if text else PluginError,
            )
            found.append(Dimension(f"{prefix}{name}", part, name, values, whole, getattr(component, name)))
    if unknown := [name for name in ranges if name not in known]:
        raise OptionError(f"--tune {spec}: no parameter {unknown[0]!r}{nearest(unknown[0], known)}")
    if not found:
        raise OptionError(
            f"--tune {spec}: nothing to search; say where, as in --tune {spec}=30:{(known or ['NAME'])[0]}=LOW..HIGH, or give "
            "its class a `space` (bench/api.py)"
        )
    return tuple(found)


def assigned(spec: Spec, searched: tuple[Dimension, ...], values: Mapping[str, Value]) -> Spec:
    """The system with these values, by the names of the dimensions."""
    numbers = count()

    def change(unit: Unit) -> Unit:
        part = next(numbers)
        mine = {one.field: _text(values[one.name]) for one in searched if one.part == part}
        return replace(unit, options=tuple({**dict(unit.options), **mine}.items()))

    return _mapped(spec, change)


def _units(spec: Spec) -> Iterator[Unit]:
    if isinstance(spec, Unit):
        yield spec
    else:
        for part in spec.parts if isinstance(spec, Fused) else (spec.first, spec.second):
            yield from _units(part)


def _mapped(spec: Spec, change: Callable[[Unit], Unit]) -> Spec:
    """The spec with every unit changed, in the order of ``_units``."""
    if isinstance(spec, Unit):
        return change(spec)
    if isinstance(spec, Cascade):
        first = _mapped(spec.first, change)
        return replace(spec, first=first, second=_mapped(spec.second, change))
    return replace(spec, parts=tuple(_mapped(part, change) for part in spec.parts))


def _component(unit: Unit, plugins: Mapping[str, Plugin]) -> Component:
    """What has the parameters: without what ranks with a scorer alone, or combines several of it."""
    built: Component = build(unit, plugins)
    if isinstance(built, Exhaustive):
        built = built.scorer
    return built.member if isinstance(built, Ensemble) else built


def _given(text: str, own: Any, name: str, unit: Unit, plugins: Mapping[str, Plugin]) -> Range | tuple[Value, ...]:
    """The user's ``LOW..HIGH`` or ``A~B~C``; every value must be one that the component takes."""

    def value(word: str) -> Any:
        options = tuple({**dict(unit.options), name: word}.items())
        try:
            return getattr(_component(replace(unit, options=options), plugins), name)
        except SpecError as error:
            raise OptionError(f"--tune: {error}") from None

    if ".." not in text or _PATH.search(text):
        return tuple(dict.fromkeys(map(value, _BETWEEN.split(text))))
    low, high = map(value, text.split("..", 1))
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)):
        raise OptionError(f"--tune: {unit.name}.{name} is no number; give its values instead, as in {name}=A~B")
    wide = own.log if isinstance(own, Range) else 0 < low * WIDE <= high
    return Range(low, high, wide and low > 0)


def _checked(component: Component, name: str, values: object, where: str, error: type[BenchError]) -> bool:
    """Whether only whole numbers will do; the error where the values are no range and no choices."""
    if not isinstance(values, Range):
        if not (isinstance(values, tuple) and values):
            raise error(f"{where}: its space must be a Range or a tuple of values")
        return False
    kinds = choices(get_type_hints(type(component))[name])
    whole = int in kinds and float not in kinds
    low, high, log = values
    if not (isfinite(low) and isfinite(high) and low < high and (low > 0 or not log)):
        raise error(f"{where}: {low:g}..{high:g} is no range to search{' by factors' if log else ''}")
    if not whole and float not in kinds:
        raise error(f"{where} is no number, so that a range does not fit; give its values")
    if whole and not (float(low).is_integer() and float(high).is_integer()):
        raise error(f"{where}: the ends of {low:g}..{high:g} must be whole numbers")
    return whole


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
