"""Sweeps: the systems that a parameter of the search makes of one fit and one index."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from bench.api import Retriever
from bench.build import build, canonical, value_text
from bench.errors import OptionError, SpecError
from bench.outcome import Sweep
from bench.pipeline import Composite, Exhaustive
from bench.plugins import Plugin
from bench.run.sweep_request import SweepRequest
from bench.spec import Spec, Unit, parse
from bench.suggest import nearest


def sweeps_of(
    requests: Sequence[SweepRequest], named: Sequence[str], plugins: Mapping[str, Plugin]
) -> tuple[Sweep, ...]:
    """The sweeps that are asked for; OptionError for what cannot be swept, before any work is done.

    named: canonical specs of ``--retrievers``. A system is given in full, or by its name alone where that says which of
    ``named`` is meant; one that is not among them joins the run. Where it is among them with a value of its own, that one
    belongs to the sweep too.
    """
    found: dict[tuple[str, str], Sweep] = {}
    for request in requests:
        sweep = _sweep(request, named, plugins)
        rest = _without(sweep.spec, sweep.parameter)
        if (rest, sweep.parameter) in found:
            raise OptionError(f"--sweep {request.text}: {sweep.parameter} of {rest} is swept twice")
        found[rest, sweep.parameter] = sweep
    return tuple(found.values())


def settings_of(system: Retriever) -> dict[str, Any]:
    """Values of all parameters that ``search`` alone reads."""
    return {name: getattr(system, name) for name, phase in system.phases.items() if phase == "search"}


def _sweep(request: SweepRequest, named: Sequence[str], plugins: Mapping[str, Plugin]) -> Sweep:
    unit = _meant(request, named, plugins)
    try:
        system = build(unit, plugins)
    except SpecError as error:
        raise OptionError(f"--sweep {request.text}: {error}") from None
    _check(request, system)
    spec = str(canonical(system))
    made = [_varied(request, unit, value, plugins) for value in request.values]
    made += [system] if spec in named else []
    values = {getattr(one, request.parameter): str(canonical(one)) for one in made}
    if len(values) == 1:
        raise OptionError(f"--sweep {request.text}: one value is no sweep; give two or more")
    if all(isinstance(value, int | float) for value in values):
        values = dict(sorted(values.items()))
    return Sweep(spec, request.parameter, tuple(map(value_text, values)), tuple(values.values()))


def _without(spec: str, parameter: str) -> str:
    """What all systems of a sweep have in common: the spec without the parameter that is swept."""
    unit = parse(spec)
    if not isinstance(unit, Unit):  # refused before
        return spec
    return str(replace(unit, options=tuple(option for option in unit.options if option[0] != parameter)))


def _check(request: SweepRequest, system: Retriever) -> None:
    """Whether its parameter may be changed on an index."""
    where, parameter = f"--sweep {request.text}", request.parameter
    if isinstance(system, Exhaustive):
        raise OptionError(f"{where}: {request.spec} is a scorer, and only retrievers can be swept")
    if isinstance(system, Composite):
        raise OptionError(f"{where}: {request.spec} is made of systems; sweep a retriever that is run by itself")
    known = [item.name for item in fields(system) if item.init]  # type: ignore[arg-type]  # components are dataclasses
    if parameter not in known:
        raise OptionError(f"{where}: no parameter {parameter!r}{nearest(parameter, known)}")
    searched = list(settings_of(system))
    if not searched:
        raise OptionError(f"{where}: {request.spec} has no parameter that is read by search alone")
    if parameter not in searched:
        when = system.phases.get(parameter, "fit")
        raise OptionError(
            f"{where}: {parameter} is read by {when}, and a sweep has one fit and one index; "
            f"read by search alone: {', '.join(searched)}"
        )


def _varied(request: SweepRequest, unit: Unit, value: str, plugins: Mapping[str, Plugin]) -> Retriever:
    options = {**dict(unit.options), request.parameter: value}
    try:
        return build(replace(unit, options=tuple(options.items())), plugins)
    except SpecError as error:
        raise OptionError(f"--sweep {request.text}: {error}") from None


def _meant(request: SweepRequest, named: Sequence[str], plugins: Mapping[str, Plugin]) -> Unit:
    """The system; by its name alone the one of ``named`` that takes the parameter."""
    spec = request.spec
    if not isinstance(spec, Unit):
        raise OptionError(f"--sweep {request.text}: {spec} is made of systems; sweep a retriever that is run by itself")
    if spec.options:
        return spec
    units = _units(named, spec.name)
    taken = [sum(_takes(request, unit, value, plugins) for value in request.values) for unit in units]
    # A default is taken also by systems that the parameter is not for: the one that is meant takes the most values.
    most = max(taken, default=0)
    taking = [unit for unit, count in zip(units, taken, strict=True) if count == most > 0]
    if spec in taking and most == len(request.values):
        return spec
    others = [unit for unit in taking if unit != spec]
    if len(others) > 1:
        raise OptionError(f"--sweep {request.text}: {spec} may be {' or '.join(map(str, others))}; say which")
    return others[0] if others else spec  # where it does not take every value, it says itself why


def _units(named: Sequence[str], name: str) -> list[Unit]:
    found: list[Spec] = [parse(one) for one in named]
    return [one for one in found if isinstance(one, Unit) and one.name == name]


def _takes(request: SweepRequest, unit: Unit, value: str, plugins: Mapping[str, Plugin]) -> bool:
    try:
        return request.parameter in settings_of(_varied(request, unit, value, plugins))
    except OptionError:
        return False
