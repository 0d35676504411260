"""Docstrings come off the source text; comments, layout and meaning of the code stay."""

import ast
import json.decoder
import textwrap
import tokenize
import typing
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.docstrings import definitions


def only(source):
    (found,) = definitions(textwrap.dedent(source))
    return found


def test_comments_and_layout_stay_and_the_docstring_goes_with_the_blank_lines_after_it():
    found = only('''
        # about f
        def f(a,   b):
            """Add two numbers.

            Parameters follow.
            """

            # why not
            return (a
                    + b)  # sum
        ''')
    assert found.code == "def f(a,   b):\n    # why not\n    return (a\n            + b)  # sum"
    assert found.docstring == "Add two numbers.\n\nParameters follow."
    assert (found.name, found.scope, found.line, found.trivial) == ("f", "f", 3, False)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ('def f(): "Doc."', "def f(): pass"),
        ('def f(): "Doc."; return 1', "def f(): return 1"),
        ('def f():\n    "Doc."; x = 1\n    return x', "def f():\n    x = 1\n    return x"),
        ('def f():\n    "Doc."', "def f():\n    pass"),
        ('def f():\n    "Doc."  # noqa\n    return 1', "def f():\n    # noqa\n    return 1"),
        ('def f():\n    ("Doc, "\n     "in parts.")\n    return 1', "def f():\n    return 1"),
        ('def f(ä="ü"): "Ööc."; return ä', 'def f(ä="ü"): return ä'),
        ('@d(1)\n@e\ndef f():\n    "Doc."\n    return 1', "@d(1)\n@e\ndef f():\n    return 1"),
        ('async def f():\n    "Doc."\n    await g()', "async def f():\n    await g()"),
        ('class C:\n    "Doc."\n\n    x: int = 1', "class C:\n    x: int = 1"),
        ('def f():\n    "Doc."\n    return """\nleft\n"""', 'def f():\n    return """\nleft\n"""'),
        ('def f():\n    b"no docstring"\n    def g():\n        "Doc."\n        return 1', "def g():\n    return 1"),
    ],
)
def test_every_way_to_write_a_docstring(source, code):
    assert only(source).code == code


def test_docstrings_of_definitions_inside_go_too_and_all_share_the_outermost_scope():
    source = textwrap.dedent('''
        class Outer:
            """Hold things."""

            def method(self):
                """Do a thing."""
                def helper():
                    """Help it."""
                    return 1
                return helper()

            class Inner:
                """Be inside."""
        ''')
    found = {item.name: item for item in definitions(source)}
    assert list(found) == ["Outer", "Outer.method", "Outer.method.helper", "Outer.Inner"]
    assert {item.scope for item in found.values()} == {"Outer"}
    assert '"""' not in found["Outer"].code
    assert found["Outer.method"].code == ("def method(self):\n    def helper():\n        return 1\n    return helper()")


def test_definitions_come_in_the_order_of_their_lines():
    source = "try:\n    {}\nexcept E:\n    {}\nelse:\n    {}\nfinally:\n    {}\nmatch x:\n    case 1:\n        {}\nwith y:\n    {}"
    source = source.format(*(f"def f{i}(): 'Doc.'" for i in range(6)))
    assert [item.name for item in definitions(source)] == [f"f{i}" for i in range(6)]


def test_definitions_of_one_name_get_different_names():
    source = 'if x:\n    def f():\n        "One."\nelse:\n    def f():\n        "Two."\n'
    assert [item.name for item in definitions(source)] == ["f", "f#2"]


@pytest.mark.parametrize(
    ("body", "trivial"),
    [("pass", True), ("...", True), ("raise NotImplementedError", True), ("return 1", False), ("x = 1", False)],
)
def test_a_body_that_only_passes_or_raises_is_trivial(body, trivial):
    assert only(f'def f():\n    "Doc."\n    {body}').trivial is trivial


def test_broken_source_is_a_syntax_error():
    with pytest.raises(SyntaxError):
        list(definitions("def f(:"))


class _Stripped(ast.NodeTransformer):
    """The oracle: takes docstrings out of the tree instead of the text."""

    def generic_visit(self, node):
        super().generic_visit(node)
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Dedenting moves the lines of a string; its words stay.
            node.value = " ".join(node.value.split())
        return node


@pytest.mark.parametrize("module", [typing, json.decoder, textwrap, tokenize, ast])
def test_the_code_parses_to_the_tree_without_docstrings(module):
    with tokenize.open(Path(module.__file__)) as file:
        source = file.read()
    documented = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and ast.get_docstring(node) is not None
    ]
    expected = sorted(ast.dump(_Stripped().visit(node)) for node in documented)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sorted(ast.dump(_Stripped().visit(ast.parse(item.code).body[0])) for item in definitions(source))
    assert found == expected


_text = st.text(st.characters(codec="utf-8", exclude_characters='"\\\r\0'), max_size=30).filter(
    lambda text: text.strip()
)


@settings(deadline=None)
@given(docstring=_text, literal=_text, indent=st.sampled_from(["  ", "    ", "\t"]), depth=st.integers(0, 3))
def test_any_docstring_comes_off_at_any_depth(docstring, literal, indent, depth):
    lines = [f"{indent * level}class C{level}:" for level in range(depth)]
    margin = indent * depth
    lines += [f"{margin}def f():", f'{margin}{indent}"""{docstring}"""', f'{margin}{indent}return """{literal}"""']
    (found,) = definitions("\n".join(lines))
    function = ast.parse(found.code).body[0]
    assert ast.get_docstring(function) is None
    assert [type(statement) for statement in function.body] == [ast.Return]
