"""Compiled functions, also where machine code cannot be kept."""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

import retrievers

CODE = """
import sys, warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    from bench.api import Doc, Env, Query
    from retrievers.bm25 import BM25
system = BM25()
system.index([Doc("a", "one two"), Doc("b", "two three")], Env())
print(system.search([Query("q", "three")], 1).positions.tolist(), len([one for one in told if "cannot be kept" in str(one.message)]))
"""


@pytest.mark.skipif(os.name == "nt", reason="permissions of folders are those of POSIX")
def test_without_a_folder_that_can_be_written_everything_still_runs_and_a_warning_says_what_it_costs(tmp_path):
    """No cache can be kept beside a source that lies in an archive or in somebody else's folder; the user has none either."""
    room = Path(retrievers.__file__).parents[1]
    block = "import numba.core.caching as c\nc.CacheImpl._locator_classes = []\n"
    code = f"import sys; sys.path.insert(0, {str(room)!r})\n{block}{CODE}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    positions, warned = found.stdout.rsplit(maxsplit=1)
    assert positions == "[[1]]"
    assert int(warned) > 0


def test_compiled_functions_call_only_those_of_their_own_file():
    """Their machine code is kept with that of the callee inside, which changes of the callee's file would not reach."""
    names = [
        module.name
        for module in pkgutil.walk_packages(retrievers.__path__, "retrievers.")
        if "triton" not in module.name
    ]
    compiled = [
        (name, value.py_func)
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, Dispatcher) and value.py_func.__module__ == name
    ]
    assert len({name for name, _ in compiled}) > 5
    for name, function in compiled:
        called = [function.__globals__.get(each) for each in function.__code__.co_names]
        assert {each.py_func.__module__ for each in called if isinstance(each, Dispatcher)} <= {name}
