"""``bench data``: what there is, what a collection holds and hides, and every mistake of a card in one line."""

import json

import pytest

from bench.cli import main

CARD = """
schema = 1
name = "ours"
version = 3
title = "Our forum"
description = "Questions and answers."
language = "en"
licence = "CC0-1.0"
homepage = "https://example.org"
[source]
kind = "pairs"
path = "ours.jsonl"
[split]
rule = "by-group"
heldout = 10
[expected]
test = 10
[[reference]]
system = "BM25"
measure = "nDCG@10"
value = 0.5
origin = "a paper"
"""


@pytest.fixture
def cards(tmp_path):
    (tmp_path / "ours.toml").write_text(CARD, encoding="utf-8")
    rows = [{"question": f"how to use alpha{n} beta{n} gamma{n}", "answer": f"call delta{n} eta{n}"} for n in range(99)]
    rows.append({"question": "how to use ALPHA3  beta3 gamma3 quickly", "answer": "call nothing at all"})
    (tmp_path / "ours.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def test_cards_and_kinds_are_listed(cards, capsys):
    assert main(["data", "list", "--cards", str(cards)]) == 0
    told = capsys.readouterr().out
    assert "ours           Our forum: about 10 test" in told
    assert "python-docs" in told
    assert "pairs:PATH" in told


def test_a_card_is_told_in_full(cards, capsys):
    assert main(["data", "info", "ours", "--cards", str(cards)]) == 0
    told = capsys.readouterr().out
    for part in (
        "Our forum",
        "CC0-1.0",
        "https://example.org",
        "by-group",
        "nDCG@10 0.5000  BM25 (a paper)",
        "question: str",
    ):
        assert part in told


def test_a_collection_is_built_and_counted(cards, capsys):
    assert main(["data", "pull", "ours", "--cards", str(cards), "--cache", str(cards / "cache")]) == 0
    told = capsys.readouterr().out
    assert "held-out questions   10" in told
    assert "fingerprint" in told
    assert list((cards / "cache" / "datasets").glob("ours-*.json"))


def test_an_audit_lists_what_it_looked_for(cards, capsys):
    reference = f"pairs:{cards / 'ours.jsonl'}"
    assert main(["data", "audit", reference, "--cache", str(cards / "cache")]) == 0
    told = capsys.readouterr().out
    assert "found" in told
    assert "train question" in told


def test_mistakes_are_one_line_each_and_fail(cards, capsys):
    (cards / "bad.toml").write_text(
        CARD.replace('"ours"', '"bad"').replace("heldout = 10", "heldout = 0"), encoding="utf-8"
    )
    (cards / "worse.toml").write_text("not toml", encoding="utf-8")
    assert main(["data", "check", "--cards", str(cards)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("toml: ")[2].partition(":")[0] for line in lines] == ["split.heldout", "not TOML"]
    assert main(["data", "check", "ours", "--cards", str(cards)]) == 0
    assert capsys.readouterr().out == "1 cards, no mistake\n"
    assert main(["data", "check", str(cards / "bad.toml")]) == 1


@pytest.mark.parametrize(
    "arguments", [["data", "info", "ours-not"], ["data", "pull", "pairs:none.csv"], ["data", "audit", "x:y"]]
)
def test_what_is_not_there_is_one_line(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
