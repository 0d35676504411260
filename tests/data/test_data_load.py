"""Opening a collection by reference."""

import pytest

from bench.data.load import open_card, open_dataset
from bench.errors import DataError

CARD = """
schema = 1
name = "ours"
version = 1
title = "Our collection"
description = "Made for a test."
language = "en"
licence = "CC0-1.0"
pool = "heldout"
[source]
kind = "beir"
path = "collection"
[expected]
documents = 80
test = 2
tolerance = 0.1
"""


@pytest.fixture
def folder(beir):
    names = range(40)
    return beir(
        {f"d{i}": f"solution number{i}" for i in names},
        {f"q{i}": f"question number{i}" for i in names},
        train=[(f"q{i}", f"d{i}", 1) for i in range(36)],
        test=[("q38", "d38", 1), ("q39", "d39", 1)],
    )


def test_a_card_in_a_folder_of_the_users(folder, tmp_path):
    (tmp_path / "ours.toml").write_text(CARD, encoding="utf-8")
    data = open_dataset("ours", cards=[tmp_path], cache=tmp_path / "cache")
    assert (data.name, data.pool, len(data.corpus)) == ("ours", "heldout", 40)
    assert data.facts["licence"] == "CC0-1.0"
    assert data.facts["unexpected counts"] == "40 documents where the card expects 80"
    assert data.fingerprint == open_dataset(f"beir:{folder}", cache=tmp_path / "cache").fingerprint


def test_limit_keeps_the_first_questions_and_what_belongs_to_them(folder, tmp_path):
    data = open_dataset(f"beir:{folder}", cache=tmp_path / "cache", limit=1)
    assert [len(split.queries) for split in (data.train, data.dev, data.test)] == [4, 1, 1]
    assert len(data.corpus) == 6


def test_progress_grows_and_stays_within_bounds(folder, tmp_path):
    seen = []
    open_dataset(
        f"beir:{folder}", cache=tmp_path / "cache", progress=lambda fraction, note: seen.append((fraction, note))
    )
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert 0 <= min(fractions) <= max(fractions) <= 1
    assert all(note for _, note in seen)


def test_names_of_folders_keep_their_dots_and_of_files_lose_their_endings(tmp_path):
    assert open_card(f"beir:{tmp_path}/v1.2").name == "v1.2"
    assert open_card("pairs:some/forum.csv").name == "forum"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nothing-like-it", "no dataset 'nothing-like-it'; `bench data list` names all, pairs:FILE opens your own"),
        ("hab:squad", "no kind of collection 'hab' in 'hab:squad'; .*pairs"),
        ("beir:", "'beir:' names no path; write beir:PATH"),
        ("pairs:", "'pairs:' names no path; write pairs:PATH"),
    ],
)
def test_unknown_references(reference, message, tmp_path):
    with pytest.raises(DataError, match=message):
        open_dataset(reference, cache=tmp_path)


def test_options_follow_the_argument_and_other_commas_belong_to_it(tmp_path):
    card = open_card("pairs:a,b.csv,question=Frage,solution=die Antwort")
    assert card.source.options == {"path": "a,b.csv", "question": "Frage", "solution": "die Antwort"}
    path = tmp_path / "x.csv"
    path.write_text("question,answer\n" + "a,b\n" * 40, encoding="utf-8")
    with pytest.raises(DataError, match="no column 'Frage'"):
        open_dataset(f"pairs:{path},question=Frage", cache=tmp_path)
