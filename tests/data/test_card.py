"""Cards: every mistake in one line with file and key, found by path and never by import."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bench.data import cards
from bench.data.card import read_card
from bench.data.cards import card_paths, find_card
from bench.errors import CardError, DataError

OURS = Path(__file__).parents[2] / "datasets"
GOOD = """
schema = 1
name = "our-forum"
version = 2
title = "Our forum"
description = "Questions and answers."
language = "en"
licence = "CC-BY-4.0"

[source]
kind = "pairs"
path = "data/forum.csv"
question = "Frage"
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="our-forum"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_card_holds_what_the_file_says_and_defaults_for_the_rest(written):
    more = """
[split]
rule = "by-time"
heldout = 200
[expected]
documents = 1000
tolerance = 0.1
[[reference]]
system = "BM25"
measure = "nDCG@10"
value = 1
origin = "a paper"
"""
    card = read_card(written(GOOD + more))
    assert (card.name, card.version, card.source.kind, card.pool) == ("our-forum", 2, "pairs", "")
    assert card.source.options == {"path": "data/forum.csv", "question": "Frage"}
    assert (card.split.rule, card.split.heldout, card.split.dev) == ("by-time", 200, 1337)
    assert (card.expected.counts, card.expected.tolerance) == ({"documents": 1000}, 0.1)
    assert (card.references[0].measure, card.references[0].value) == ("nDCG@10", 1.0)


def test_every_mistake_is_a_line_with_file_and_key(written):
    path = written(
        GOOD.replace('licence = "CC-BY-4.0"\n', "")
        .replace("version = 2", 'version = "2"')
        .replace("question =", "qestion =")
        + '[split]\nrule = "chance"\nfraction = 0.9\nheldout = true\n[[reference]]\nsystem = "BM25"\nvalue = 45.1\n'
    )
    with pytest.raises(CardError) as caught:
        read_card(path)
    lines = str(caught.value).split("\n")
    assert all(line.startswith(f"{path}: ") for line in lines)
    assert [line.removeprefix(f"{path}: ") for line in lines] == [
        "licence: missing, give a text",
        "version: '2' is not a whole number from 1",
        "split.rule: 'chance' is not one of auto, official, random, by-group, by-time",
        "split.fraction: 0.9 is not a number above 0, at most 0.4",
        "split.heldout: True is not a whole number from 1",
        "source.qestion: unknown; did you mean 'question'? There are: body, checksum, date, group, id, path, question, solution",
        "reference[1].measure: missing, give a measure such as nDCG@10",
        "reference[1].origin: missing, give where the figure was published",
        "reference[1].value: 45.1 is not a number from 0 to 1",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema = 1\nname = x", r"not TOML: .*line 2"),
        ("", "schema: missing, this version reads schema = 1"),
        (GOOD.replace("schema = 1", "schema = 9"), "schema: 9, this version reads schema = 1"),
        (GOOD.replace('"pairs"', '"magic"'), r"source\.kind: 'magic' is none of beir, .*pairs, parallel, python-docs"),
        (GOOD.replace('path = "data/forum.csv"\n', ""), r"source\.path: missing, give a text"),
        (GOOD.replace('"our-forum"', '"your-forum"'), "name: 'your-forum', but a card is found by its file name"),
        (GOOD.replace('"our-forum"', '"Our Forum"'), "name: 'Our Forum' is not a name of lower-case letters"),
        (GOOD.partition("[source]")[0] + 'source = "pairs"', r"source: 'pairs' is not a table \[source\]"),
        (GOOD.replace("[source]", "reference = 3\n[source]"), "reference: 3 is not an array of tables"),
        (GOOD.replace("[source]", "reference = [1]\n[source]"), r"reference: \[1\] is not an array of tables"),
        (GOOD.replace("[source]", "split = 3\n[source]"), "split: 3 is not a table"),
        (GOOD + "[text]\nnear_question = 0\n", "text.near_question: 0 is not a number above 0"),
    ],
)
def test_mistakes(written, text, message):
    with pytest.raises(CardError, match=message):
        read_card(written(text))


def test_a_card_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b'schema = "\xff"')
    with pytest.raises(CardError, match=r"x\.toml: not UTF-8 at byte 10"):
        read_card(path)


@pytest.mark.parametrize("path", sorted(OURS.glob("*.toml")), ids=lambda path: path.stem)
def test_our_own_cards_are_valid_and_say_whose_the_data_is(path):
    card = read_card(path)
    assert card.licence
    assert card.description


def test_the_cards_folder_is_no_python_package():
    assert not list(OURS.rglob("*.py"))


def test_the_example_in_the_readme_is_valid(tmp_path):
    text = (OURS / "README.md").read_text(encoding="utf-8")
    example = text.partition("## Writing a card\n")[2].partition("\nEvery mistake")[0]
    path = tmp_path / "our-forum.toml"
    path.write_text("\n".join(line.removeprefix("    ") for line in example.split("\n")), encoding="utf-8")
    assert read_card(path).name == tomllib.loads(path.read_text(encoding="utf-8"))["name"]


def test_the_users_folders_come_before_our_own(written, tmp_path):
    written(GOOD)
    written(GOOD, "python-docs")
    found = card_paths([tmp_path])
    assert found["our-forum"] == tmp_path / "our-forum.toml"
    assert found["python-docs"] == tmp_path / "python-docs.toml"
    own = card_paths()["python-docs"]  # the checkout's, or the copy in the wheel that is tested
    assert own != found["python-docs"]
    assert own.read_bytes() == (OURS / "python-docs.toml").read_bytes()


def test_an_installed_package_reads_its_copy_and_not_the_folder_of_another_project(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    (site / "bench" / "cards").mkdir(parents=True)
    (site / "datasets").mkdir()
    (site / "bench" / "cards" / "mine.toml").touch()
    (site / "datasets" / "theirs.toml").touch()
    monkeypatch.setattr(cards, "__file__", str(site / "bench" / "data" / "cards.py"))
    assert list(card_paths()) == ["mine"]


def test_an_unknown_name_answers_with_what_exists_and_the_nearest():
    with pytest.raises(DataError, match=r"no dataset 'python-doc' \(did you mean 'python-docs'\?\); `bench data list`"):
        find_card("python-doc")


def test_a_missing_folder_of_cards_is_an_error(tmp_path):
    with pytest.raises(CardError, match="nowhere: no such folder of cards"):
        card_paths([tmp_path / "nowhere"])


def test_reading_cards_imports_nothing_heavy():
    code = "import sys; from bench.data.cards import find_card; find_card('python-docs'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"numpy", "torch", "pandas", "scipy", "platformdirs", "datasets"} & set(done.stdout.split())
