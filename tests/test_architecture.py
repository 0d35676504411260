"""Data flows one way: what each room may import, what is slow and when it may load, what ships in the wheel."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bench
import retrievers

BENCH = Path(bench.__file__).parent
HOUSES = {"bench": BENCH, "retrievers": Path(retrievers.__file__).parent}
ROOT = Path(__file__).parents[1]

FORBIDDEN = {
    "bench/api.py": ("bench",),
    "bench/errors.py": ("bench", "numpy"),
    "bench/files.py": ("bench", "numpy"),
    "bench/plugins.py": ("numpy", "torch", "bench.api"),
    "bench/measure": ("bench.run", "bench.report", "bench.data", "bench.cli", "retrievers"),
    "bench/report": ("bench.run", "bench.data", "bench.cli", "retrievers", "torch"),
    "bench/data": ("bench.run", "bench.report", "bench.measure", "bench.cli", "retrievers", "torch"),
    "bench/run": ("bench.report", "bench.cli", "retrievers"),
    "bench": ("retrievers",),
}
ALLOWED = {"bench/api.py": ("bench.errors", "bench.explanation"), "bench/files.py": ("bench.errors",)}


def sources(room):
    house, _, rest = room.partition("/")
    place = HOUSES[house] / rest
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def imported(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def inside(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_imports_what_flows_from_it(room):
    assert sources(room)
    for path in sources(room):
        wrong = {n for n in imported(path) if inside(n, FORBIDDEN[room]) and not inside(n, ALLOWED.get(room, ()))}
        assert not wrong, f"{path.relative_to(BENCH.parent)} imports {wrong}"


def test_retrievers_import_only_the_contract_and_their_shared_folders():
    folders = {path.name for path in HOUSES["retrievers"].iterdir() if path.is_dir()}
    allowed = (
        "bench.api",
        "bench.errors",
        "bench.explanation",
        "bench.files",
        *(f"retrievers.{folder}" for folder in folders),
    )
    for path in sources("retrievers"):
        house = {name for name in imported(path) if inside(name, ("bench", "retrievers"))}
        assert all(inside(name, allowed) for name in house), f"{path.name}: {house}"


def test_only_the_command_line_prints():
    for path in [*sources("bench"), *sources("retrievers")]:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        prints = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
        assert not prints or path.name == "cli.py", path


def test_files_stay_small():
    for path in [*sources("bench"), *sources("retrievers")]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["info", "bm25+tfidf"]])
def test_help_and_listings_import_nothing_heavy(arguments):
    code = (
        f"import sys; sys.path.insert(0, {str(BENCH.parent)!r})\n"
        "from bench.cli import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "heavy = ('torch', 'numpy', 'pandas', 'sklearn', 'scipy', 'matplotlib', 'rich', 'transformers', 'optuna')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "[]"


def test_the_wheel_names_every_package():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = {path.parent for house in ("bench", "retrievers") for path in (ROOT / house).rglob("*.py")}
    assert set(packages) == {".".join(folder.relative_to(ROOT).parts) for folder in folders} | {"bench.cards"}


def test_no_importable_package_is_called_datasets():
    assert not list((ROOT / "datasets").rglob("*.py"))
