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
    assert data.facts["limit"] == (
        "first 1 held-out questions; pool and corpus reduced to 6 of 40 documents; "
        "other counts are of the whole collection"
    )
    assert "documents" not in data.facts


def test_limit_keeps_the_groups_of_the_questions_it_keeps(tmp_path, topics):
    path = tmp_path / "forum.csv"
    path.write_text("question,answer\n" + "".join(f"{q},{a}\n" for q, a in topics), encoding="utf-8")
    whole, data = (open_dataset(f"pairs:{path}", cache=tmp_path / "cache", limit=limit) for limit in (None, 2))
    kept = {query.id for split in (data.train, data.dev, data.test) for query in split.queries}
    assert (set(data.groups), len(kept)) == (kept, 12)
    assert {"questions", "documents", "groups"} & {*whole.facts} == {"questions", "documents", "groups"}
    assert not {"questions", "documents", "groups"} & {*data.facts}


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
    assert open_card(f"beir:{tmp_path}/Our Data_v1.2").name == "our-data-v1.2"


@pytest.mark.parametrize(
    "reference",
    [
        "pairs:{}/a.csv",
        "beir:{}/a.zip",
        "trec:{}/a.zip",
        "tldr:{}/a.zip",
        "code-search-net:{}/a.zip",
        "cosqa:{}/a.json",
    ],
)
def test_no_name_or_title_tells_what_an_address_keeps_secret(reference):
    address = reference.format("https://host:8080/files")
    card = open_card(f"{address}?token=s3.cr/et#s3")
    assert (card.name, card.title) == ("a", address.partition(":")[2])
    kind = reference.partition(":")[0]
    for bad in ("https://user:s3cret@host/a.zip", "https://s3cret@[host/a.zip?s3cret"):
        with pytest.raises(DataError, match=r"https://\[?host/a\.zip: ") as caught:
            open_card(f"{kind}:{bad}")
        assert "s3cret" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_card_with_a_password_in_an_address_is_refused(tmp_path):
    for place in ("https://me:s3cret@host/a.zip", "http://[x/a.zip"):
        card = CARD.replace('path = "collection"', f'path = "{place}"')
        (tmp_path / "ours.toml").write_text(card, encoding="utf-8")
        with pytest.raises(DataError, match=r"(host|\[x)/a\.zip: (a user name or a password|not an address)"):
            open_dataset("ours", cards=[tmp_path], cache=tmp_path / "cache")


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("questoin=Q", "pairs has no option 'questoin'; did you mean 'question'"),
        ("question=Q,soluton=A", "no option 'soluton'; did you mean 'solution'"),
        (" questoin=Q", "no option 'questoin'"),
        ("path=b.csv", "path is what stands behind 'pairs:' already; leave out path="),
        ("question=Q,question=R", "question is given twice; leave out question="),
    ],
)
def test_misspelt_and_repeated_options_are_refused(tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        open_card(f"pairs:{tmp_path}/a.csv,{options}")


def test_a_file_that_is_called_like_an_option_is_opened(tmp_path):
    path = tmp_path / "a,word=b.csv"
    path.touch()
    assert open_card(f"pairs:{path},question=Q").source.options == {"path": str(path), "question": "Q"}
    with pytest.raises(DataError, match="no option 'word'"):
        open_card(f"pairs:{path}x,question=Q")
    with pytest.raises(DataError, match="no option 'word'"):
        open_card(f"pairs:{'long' * 2000},word=b.csv")
