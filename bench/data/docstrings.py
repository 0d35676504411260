"""Documented functions, methods and classes of Python source text: what the docstring says first, and the code without it."""

import ast
import inspect
import re
from collections.abc import Iterator
from typing import NamedTuple

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Definition(NamedTuple):
    """One documented definition.

    name: qualified inside its file, ``Class.method``; a second definition of the same name is ``Class.method#2``.
    docstring: cleaned as ``inspect.cleandoc`` does.
    code: source text with its comments and layout, dedented, without its own docstring and those of definitions inside it.
    scope: name of the outermost definition around it, or its own name; the code of one scope overlaps.
    line: where it starts, from 1.
    trivial: whether nothing is left of the body but ``pass``, ``...`` or ``raise``.
    """

    name: str
    docstring: str
    code: str
    scope: str
    line: int
    trivial: bool


def definitions(source: str) -> Iterator[Definition]:
    """Yield the documented definitions of one file in the order of their lines; raises SyntaxError.

    Lines must end in line feeds alone, as text read with universal newlines does.
    """
    lines = source.split("\n")
    seen: dict[str, int] = {}
    for node, qualified, scope in _walk(ast.parse(source), "", ""):
        count = seen[qualified] = seen.get(qualified, 0) + 1
        docstring = ast.get_docstring(node, clean=False)
        if docstring is None:
            continue
        yield Definition(
            name=qualified if count == 1 else f"{qualified}#{count}",
            docstring=inspect.cleandoc(docstring),
            code=_without_docstrings(node, lines),
            scope=scope,
            line=_first_line(node),
            trivial=_trivial(node),
        )


def _walk(parent: ast.AST, prefix: str, scope: str) -> Iterator[tuple[_Definition, str, str]]:
    for child in _statements(parent):
        if isinstance(child, _DEFINITIONS):
            qualified = prefix + child.name
            inner = scope or qualified
            yield child, qualified, inner
            yield from _walk(child, f"{qualified}.", inner)
        else:
            yield from _walk(child, prefix, scope)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Statements right below a node; expressions, most of a tree, hold no definitions and are passed over."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        yield from getattr(node, block, ())


def _first_line(node: _Definition) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _trivial(node: _Definition) -> bool:
    return all(
        isinstance(statement, ast.Pass | ast.Raise)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in node.body
    )


def _without_docstrings(node: _Definition, lines: list[str]) -> str:
    first = _first_line(node)
    kept = lines[first - 1 : node.end_lineno]
    inside = [item for item in (node, *(inner for inner, _, _ in _walk(node, "", ""))) if _docstring(item)]
    # From the last to the first, so that a cut never moves what is still to be cut.
    for item in sorted(inside, key=lambda item: item.body[0].lineno, reverse=True):
        _cut(kept, item.body[0], first, alone=len(item.body) == 1)
    return _dedented(kept)


def _docstring(node: _Definition) -> bool:
    head = node.body[0]
    return isinstance(head, ast.Expr) and isinstance(head.value, ast.Constant) and isinstance(head.value.value, str)


def _cut(lines: list[str], docstring: ast.stmt, first: int, *, alone: bool) -> None:
    """Cut a docstring out of ``lines``, the first of which has number ``first``; ``pass`` stands in for a whole body."""
    start, end = docstring.lineno - first, (docstring.end_lineno or docstring.lineno) - first
    # ast counts columns in UTF-8 bytes.
    before = lines[start].encode()[: docstring.col_offset].decode()
    after = lines[end].encode()[docstring.end_col_offset :].decode()
    if alone:
        lines[start : end + 1] = [f"{before}pass{after}"]
        return
    after = re.sub(r"^[ \t]*;[ \t]*", "", after)
    if (before + after).strip():
        lines[start : end + 1] = [before + after.lstrip() if not before.strip() else before + after]
        return
    while end + 1 < len(lines) and not lines[end + 1].strip():
        end += 1
    del lines[start : end + 1]


def _dedented(lines: list[str]) -> str:
    """Take the first line's indentation off every line that has it; strings and brackets may hold lines with less."""
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return "\n".join(line.removeprefix(indent).rstrip() for line in lines)
