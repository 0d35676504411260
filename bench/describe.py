"""What a retriever file says of itself, read from its source without importing it: ``list`` stays fast and safe."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import PluginError

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

    PluginError when there is not exactly one.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (OSError, ValueError, SyntaxError) as error:
        raise PluginError(f"{path}: cannot be read as Python: {error}") from None
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    wanted = [
        node
        for node in classes
        if (node.name == class_name if class_name else _kind(node, bases) and not node.name.startswith("_"))
    ]
    if len(wanted) != 1:
        names = ", ".join(node.name for node in wanted) or "none"
        raise PluginError(f"{path}: expected one public class that extends {' or '.join(bases)}, found {names}")
    return _described(wanted[0], bases)


def _kind(node: ast.ClassDef, bases: tuple[str, ...]) -> str:
    own = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
    return next((base for base in own if base in bases), "")


def _described(node: ast.ClassDef, bases: tuple[str, ...]) -> Description:
    facts: dict[str, Any] = {"devices": ("cpu",), "seeded": False, "argument": ""}
    parameters: list[Parameter] = []
    for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
        name, value, annotation = _assignment(statement)
        if name in facts and value is not None:
            facts[name] = _literal(value, facts[name])
        elif annotation and name and not name.startswith("_") and not annotation.startswith(CLASS_VARIABLE):
            default = ast.unparse(value) if value is not None else "required"
            parameters.append(Parameter(name, annotation, default, _string(following)))
    return Description(
        class_name=node.name,
        kind=_kind(node, bases),
        doc=ast.get_docstring(node) or "",
        devices=facts["devices"],
        seeded=facts["seeded"],
        argument=facts["argument"],
        parameters=tuple(parameters),
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
