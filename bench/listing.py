"""What can be run, as text: from the sources of retrievers and the cards of datasets, importing neither."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent

from bench.describe import Description, describe
from bench.errors import PluginError
from bench.plugins import Plugin, find, get
from bench.spec import Cascade, Fused, Spec, Unit, parse


def retrievers(plugin_files: Sequence[Path]) -> str:
    """Every retriever: name, first line of its documentation, devices, parameters with defaults."""
    combine = "  combine: a+b fuses, a/b re-ranks a's best with the scorer b; `info SPEC` tells more of one system"
    return "\n".join(["retrievers", *map(_retriever, find(plugin_files).values()), combine])


def _retriever(plugin: Plugin) -> str:
    """One that is broken says so in its place, so that the others can be seen."""
    try:
        told = plugin.describe()
    except PluginError as error:
        return f"  {plugin.name:14} cannot be read: {error}"
    devices = " ".join(told.devices)
    kind = "re-ranks, or ranks everything" if told.kind == "Scorer" else ""
    notes = ", ".join(note for note in (devices, kind) if note)
    line = f"  {plugin.name:14} {told.summary} [{notes}]"
    return "\n".join([line, indent(_parameters_line(told), " " * 17)] if told.parameters else [line])


def system(text: str, plugin_files: Sequence[Path]) -> str:
    """A system in full: how its text is understood, and each part's documentation and parameters."""
    plugins = find(plugin_files)
    spec = parse(text)
    parts = [_part(unit, get(unit.name, plugins)) for unit in units(spec)]
    return "\n\n".join([f"{spec}: {_structure(spec)}", *_operators(spec), *parts])


def units(spec: Spec) -> list[Unit]:
    """The named parts of a spec, each once, in order."""
    if isinstance(spec, Unit):
        return [spec]
    inner = spec.parts if isinstance(spec, Fused) else (spec.first, spec.second)
    return list(dict.fromkeys(unit for part in inner for unit in units(part)))


def _structure(spec: Spec) -> str:
    if isinstance(spec, Unit):
        return "one system"
    own = "".join(f", {key} {value}" for key, value in spec.options)
    if isinstance(spec, Cascade):
        return f"{spec.second} re-ranks the best of {spec.first}{own}"
    return f"the rankings of {' and '.join(map(str, spec.parts))} fused{own}"


def _operators(spec: Spec) -> list[str]:
    """Documentation of the ways of combining that a spec uses."""
    names = [name for sort, name in ((Fused, "Fusion"), (Cascade, "Cascade")) if sort in _sorts(spec)]
    told = [describe(Path(__file__).parent / "pipeline.py", name) for name in names]
    return ["\n".join([one.doc, f"  defaults: {_parameters_line(one)}"]) for one in told]


def _sorts(spec: Spec) -> set[type]:
    if isinstance(spec, Unit):
        return set()
    inner = spec.parts if isinstance(spec, Fused) else (spec.first, spec.second)
    return {type(spec)}.union(*map(_sorts, inner))


def _part(unit: Unit, plugin: Plugin) -> str:
    told = plugin.describe()
    given = dict(unit.options)
    lines = [f"{plugin.name}  ({plugin.origin})", indent(told.doc, "  "), ""]
    for parameter in told.parameters:
        value = f"{given.pop(parameter.name)} (default {parameter.default})" if parameter.name in given else ""
        lines.append(f"  {parameter.name}: {parameter.type} = {value or parameter.default}")
        if parameter.doc:
            lines.append(indent(parameter.doc, "      "))
    if told.seeded:
        lines.append(f"  members: int = {given.pop('members', 1)}")
        lines.append("      How many of it, learned with different seeds, are combined.")
    lines.extend(f"  {key}={value}: no such parameter" for key, value in given.items())
    return "\n".join(lines)


def _parameters_line(told: Description) -> str:
    return ", ".join(f"{one.name}={_typed(one.default)}" for one in told.parameters if one.default != "required")


def _typed(default: str) -> str:
    """A default the way a spec spells it."""
    return {"None": "none", "True": "true", "False": "false"}.get(default, default.strip("'\""))
