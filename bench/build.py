"""From the text of a system to objects and back: parameters are converted by the types of the dataclass fields."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from bench.api import Component, Retriever, Scorer
from bench.ensemble import Ensemble, ensemble
from bench.errors import SpecError
from bench.loading import choices, load, reason
from bench.pipeline import Cascade, Composite, Exhaustive, Fusion
from bench.plugins import Plugin, get
from bench.spec import CASCADE_OPTIONS, FUSION_OPTIONS, Spec, Unit
from bench.spec import Cascade as CascadeSpec
from bench.spec import Fused as FusedSpec
from bench.suggest import nearest


def build(spec: Spec, plugins: Mapping[str, Plugin]) -> Retriever:
    """Make the retriever that a spec names; a scorer alone ranks the whole pool. SpecError for bad parameters."""
    if isinstance(spec, Unit):
        unit = _unit(spec, plugins)
        return Exhaustive(unit) if isinstance(unit, Scorer) else unit
    if isinstance(spec, FusedSpec):
        parts = tuple(build(part, plugins) for part in spec.parts)
        return _construct(Fusion, spec.options, str(spec), parts=parts)
    second = _second(spec, plugins) if isinstance(spec.second, Unit) else None
    if not isinstance(second, Scorer):
        raise SpecError(f"{spec}: only a scorer can re-rank, {spec.second} is a retriever; to combine rankings use '+'")
    return _construct(Cascade, spec.options, str(spec), first=build(spec.first, plugins), scorer=second)


def canonical(component: Component) -> Spec:
    """The shortest spec of a system: only what differs from the defaults; equal systems have equal specs."""
    if isinstance(component, Exhaustive):
        return canonical(component.scorer)
    if isinstance(component, Ensemble):
        options = (*_changed(component.member), (MEMBERS, str(component.members)))
        return Unit(name_of(component.member), options)
    if isinstance(component, Fusion):
        return FusedSpec(tuple(canonical(part) for part in component.parts), _changed(component, FUSION_OPTIONS))
    if isinstance(component, Cascade):
        first, second = canonical(component.first), canonical(component.scorer)
        return CascadeSpec(first, second, _changed(component, CASCADE_OPTIONS))
    return Unit(name_of(component), _changed(component))


def fit_spec(component: Component) -> Spec:
    """The shortest spec of all systems that share a component's fit: without what ``phases`` says is read later.

    A system of parts is fitted by searching with them, so that all of their parameters count.
    """
    return _before(component, ("index", "search"))


def index_spec(component: Component) -> Spec:
    """Likewise of all systems that share an index of it: without what ``search`` alone reads."""
    return _before(component, ("search",))


def _before(component: Component, phases: tuple[str, ...]) -> Spec:
    if isinstance(component, Composite):
        return canonical(component)
    changed = tuple(option for option in _changed(component) if component.phases.get(option[0]) not in phases)
    return Unit(name_of(component), changed)


def name_of(component: Component) -> str:
    """The name that ``build`` gave to a component's class."""
    return _NAMES[type(component)]


def parameters(component: Component) -> dict[str, Any]:
    """Every hyper-parameter of a retriever, or of the parts of a system, by name."""
    if isinstance(component, Exhaustive):
        return parameters(component.scorer)
    if isinstance(component, Ensemble):
        return {**parameters(component.member), MEMBERS: component.members}
    if isinstance(component, Fusion | Cascade):
        own = {name: getattr(component, name) for name in _options_of(component)}
        return {**{str(canonical(part)): parameters(part) for part in component.components}, **own}
    return {item.name: getattr(component, item.name) for item in fields(component) if item.init}  # type: ignore[arg-type]


MEMBERS = "members"
"""The one parameter that every retriever and scorer has: how many of it, with different seeds, are combined."""

_NAMES: dict[type, str] = {}
Made = TypeVar("Made", bound=Component)


def _unit(spec: Unit, plugins: Mapping[str, Plugin]) -> Retriever | Scorer:
    loaded = load(get(spec.name, plugins))
    _NAMES[loaded] = spec.name
    own = tuple(option for option in spec.options if option[0] != MEMBERS)
    if len(own) == len(spec.options) or MEMBERS in {item.name for item in fields(loaded)}:  # type: ignore[arg-type]  # checked by load
        return _construct(loaded, spec.options, str(spec))
    member = _construct(loaded, own, str(spec))
    members = dict(spec.options)[MEMBERS]
    try:
        return member if int(members) == 1 else ensemble(member, int(members))
    except ValueError:
        raise SpecError(f"{spec}: {MEMBERS}={members} is not a whole number") from None
    except SpecError as error:
        raise SpecError(f"{spec}: {error}") from None


def _second(spec: CascadeSpec, plugins: Mapping[str, Plugin]) -> Retriever | Scorer:
    try:
        return _unit(spec.second, plugins)  # type: ignore[arg-type]  # the caller has looked
    except SpecError as error:
        hint = "; a path inside a system begins with ./" if "path=" in str(spec.first) else ""
        raise SpecError(f"{error}{hint}") from None


def _construct(cls: type[Made], options: tuple[tuple[str, str], ...], text: str, **given: object) -> Made:
    hints = get_type_hints(cls)
    own = [item for item in fields(cls) if item.init and item.name not in given]  # type: ignore[arg-type]  # checked by load
    known = [item.name for item in own]
    values: dict[str, object] = {}
    for key, value in options:
        if key not in known:
            raise SpecError(f"{text}: no parameter {key!r}{nearest(key, known)}")
        values[key] = _converted(value, hints[key], f"{text}: {key}={value}")
    required = [item.name for item in own if item.default is MISSING and item.default_factory is MISSING]
    missing = [name for name in required if name not in values]
    if missing:
        raise SpecError(f"{text}: needs {', '.join(missing)}, as in {text}:{missing[0]}=VALUE")
    try:
        return cls(**given, **values)
    except Exception as error:
        # A value is usually refused by one of these two, in words that need no type.
        words = " ".join(str(error).split()) if isinstance(error, ValueError | TypeError) else ""
        raise SpecError(f"{text}: {words or reason(error)}") from error


def _converted(text: str, hint: Any, where: str) -> object:
    """The text as the narrowest type of the hint that takes it: ``none`` is None even where any text would do."""
    wanted = sorted(choices(hint), key=lambda choice: NARROWEST.index(choice) if choice in NARROWEST else -1)
    for choice in wanted:
        if get_origin(choice) is Literal or choice in SPELLED:
            values = {value_text(value): value for value in SPELLED.get(choice, get_args(choice))}
            if text in values:
                return values[text]
            continue
        try:
            return choice(text)
        except ValueError:
            continue
    raise SpecError(f"{where} is not {' or '.join(map(_expected, choices(hint)))}")


NARROWEST = (NoneType, bool, int, float, str)
SPELLED: dict[Any, tuple[object, ...]] = {NoneType: (None,), bool: (True, False)}
"""Types with few values, by their values."""


def _expected(choice: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", NoneType: "none"}
    return names[choice] if choice in names else " or ".join(map(value_text, get_args(choice)))


def _options_of(component: Component) -> tuple[str, ...]:
    return FUSION_OPTIONS if isinstance(component, Fusion) else CASCADE_OPTIONS


def _changed(component: Any, only: tuple[str, ...] | None = None) -> tuple[tuple[str, str], ...]:
    changed = []
    for item in fields(component):
        value = getattr(component, item.name)
        default = item.default if item.default_factory is MISSING else item.default_factory()
        if item.init and (only is None or item.name in only) and value != default:
            changed.append((item.name, value_text(value)))
    return tuple(changed)


def value_text(value: object) -> str:
    """A value the way a spec spells it."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return str(value)
