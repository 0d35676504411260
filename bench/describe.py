"""What a retriever file says of itself, read from its source without importing it: ``list`` stays fast and safe."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import PluginError
from bench.imports import sources_of

KINDS = ("Retriever", "Scorer")
CLASS_VARIABLE = ("ClassVar", "typing.ClassVar")


@dataclass(frozen=True)
class Parameter:
    """A hyper-parameter: name, annotation and default as written, and the comment or docstring line beside it."""

    name: str
    type: str
    default: str
    doc: str = ""


@dataclass(frozen=True)
class Description:
    """A plug-in as its source tells it. ``kind`` is the class that it extends: ``Retriever``, ``Scorer`` or ``Source``.

    argument: of a source, the option that can be given without a card.
    """

    class_name: str
    kind: str
    doc: str
    devices: tuple[str, ...]
    seeded: bool
    argument: str
    parameters: tuple[Parameter, ...]

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return self.doc.partition("\n")[0]


def describe(path: Path, class_name: str | None = None, bases: tuple[str, ...] = KINDS) -> Description:
    """Read the one public class of a file that extends one of ``bases``, or the class named.

    It may extend them by way of other classes of its file, its package or the house; their parameters are its own too. PluginError when there is not exactly one.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (OSError, ValueError, SyntaxError) as error:
        raise PluginError(f"{path}: cannot be read as Python: {error}") from None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    lineages = {name: _lineage(path, tree, node, bases, ()) for name, node in classes.items()}
    wanted = [
        name
        for name, lineage in lineages.items()
        if (name == class_name if class_name else lineage.kind and not name.startswith("_"))
    ]
    if len(wanted) != 1:
        names = ", ".join(wanted) or "none"
        raise PluginError(f"{path}: expected one public class that extends {' or '.join(bases)}, found {names}")
    return _described(lineages[wanted[0]])


class _Lineage(NamedTuple):
    """A class with those that it extends in its own package or in the house's, the most basic first, and which of the ``bases`` that one extends."""

    classes: list[ast.ClassDef]
    kind: str


Place = tuple[Path, str]
"""A file and the name of a class in it; those passed on the way, so that a circle of bases or of imports ends."""


def _lineage(
    path: Path, tree: ast.Module, node: ast.ClassDef, bases: tuple[str, ...], passed: tuple[Place, ...]
) -> _Lineage:
    passed = (*passed, (path, node.name))
    for base in node.bases:
        module, _, name = ast.unparse(base).rpartition(".")
        if name in bases:
            return _Lineage([node], name)
        parent = _in_module(path, tree, module, name) if module else _definition(path, tree, name, ())
        if parent is not None and (parent[0], parent[2].name) not in passed:
            above = _lineage(*parent, bases, passed)
            if above.kind:
                return _Lineage([*above.classes, node], above.kind)
    return _Lineage([node], "")


Definition = tuple[Path, ast.Module, ast.ClassDef]


def _in_module(path: Path, tree: ast.Module, module: str, name: str) -> Definition | None:
    """Where ``module.name`` is defined, ``module`` being how the file names what it imports."""
    for statement in tree.body:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        real = next((alias.name for alias in statement.names if (alias.asname or alias.name) == module), "")
        if isinstance(statement, ast.ImportFrom):
            above, level = statement.module, statement.level
            full = f"{above}.{real}" if above and real else real
        else:
            full, level = real, 0
        for file in sources_of(path, full, level) if real else ():
            if (there := _parsed(file)) is not None:
                return _definition(file, there, name, ())
    return None


def _parsed(file: Path) -> ast.Module | None:
    """The file as Python; None for what importing it will complain about."""
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None


def _definition(path: Path, tree: ast.Module, name: str, passed: tuple[Place, ...]) -> Definition | None:
    """Where a class of this name is defined: in the file, or in one of its package that it is imported from."""
    if (path, name) in passed:
        return None
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            return path, tree, statement
        if not isinstance(statement, ast.ImportFrom):
            continue
        real = next((alias.name for alias in statement.names if (alias.asname or alias.name) == name), "")
        for file in sources_of(path, statement.module or "", statement.level) if real else ():
            if (there := _parsed(file)) is not None:
                return _definition(file, there, real, (*passed, (path, name)))
    return None


def _described(lineage: _Lineage) -> Description:
    """What the class and those above it say; the lower one counts."""
    facts: dict[str, Any] = {"devices": ("cpu",), "seeded": False, "argument": ""}
    parameters: dict[str, Parameter] = {}
    for node in lineage.classes:
        for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
            name, value, annotation = _assignment(statement)
            if name in facts and value is not None:
                facts[name] = _literal(value, facts[name])
            elif annotation and name and not name.startswith("_") and not annotation.startswith(CLASS_VARIABLE):
                default = ast.unparse(value) if value is not None else "required"
                parameters[name] = Parameter(name, annotation, default, _string(following))
    own = lineage.classes[-1]
    return Description(
        class_name=own.name,
        kind=lineage.kind,
        doc=ast.get_docstring(own) or "",
        devices=facts["devices"],
        seeded=facts["seeded"],
        argument=facts["argument"],
        parameters=tuple(parameters.values()),
    )


def _literal(value: ast.expr, default: Any) -> Any:
    """The value where it is spelled out as one of the default's type; else only importing the file could tell it."""
    try:
        told = ast.literal_eval(value)
    except (ValueError, TypeError):
        return default
    return told if isinstance(told, type(default)) else default


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr | None, str]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value, ast.unparse(statement.annotation)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, statement.value, ""
    return "", None, ""


def _string(statement: ast.stmt | None) -> str:
    """The text of a bare string below a field, the usual place for its documentation."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return str(statement.value.value).strip() if isinstance(statement.value.value, str) else ""
    return ""
