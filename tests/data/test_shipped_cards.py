"""The cards that ship: whose data it is, where it comes from, how it is verified, and figures that can be held against a run."""

import re
from pathlib import Path

import pytest

from bench.data.card import read_card
from bench.data.load import source_of
from bench.data.web.download import is_address
from bench.spec import parse

OURS = Path(__file__).parents[2] / "datasets"
PATHS = sorted(OURS.glob("*.toml"))
CARDS = {path.stem: read_card(path) for path in PATHS}
REMOTE = [card for card in CARDS.values() if is_address(str(card.source.options.get("path", "")))]
BEIR = [card for card in CARDS.values() if "public.ukp.informatik" in str(card.source.options.get("path", ""))]


@pytest.mark.parametrize("card", CARDS.values(), ids=list(CARDS))
def test_a_card_says_whose_the_data_is(card):
    assert card.name == card.path.stem
    assert len(card.title) <= 90
    assert len(card.description) > 60
    assert card.licence
    assert card.citation
    assert re.fullmatch(r"https?://\S+", card.homepage)
    assert card.language


@pytest.mark.parametrize("card", CARDS.values(), ids=list(CARDS))
def test_a_card_makes_a_source_and_its_figures_name_systems_that_exist(card):
    source_of(card)
    seen = set()
    for one in card.references:
        assert 0 < one.value < 1
        assert 0 < one.tolerance <= 0.02
        assert one.measure in {"nDCG@10", "RR", "Success@10"}
        assert (one.system, one.origin) not in seen
        seen.add((one.system, one.origin))
        if one.spec:
            parse(one.spec)


@pytest.mark.parametrize("card", REMOTE, ids=lambda card: card.name)
def test_what_is_downloaded_is_verified(card):
    options = card.source.options
    assert options["path"].startswith("https://")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", options["checksum"])
    assert options["size"] > 0


def test_every_public_collection_of_beir_is_there():
    names = {card.name for card in BEIR if not card.name.startswith("cqadupstack-")}
    assert names == {
        "arguana", "climate-fever", "dbpedia-entity", "fever", "fiqa", "hotpotqa", "msmarco", "nfcorpus", "nq", "quora",
        "scidocs", "scifact", "trec-covid", "webis-touche2020",
    }  # fmt: skip
    assert all(card.source.options["path"].endswith(f"/{card.name}.zip") for card in BEIR if card.name in names)


def test_the_forums_of_cqadupstack_add_up_to_what_was_published():
    forums = [card for card in BEIR if card.name.startswith("cqadupstack-")]
    assert all(card.name == f"cqadupstack-{card.source.options['folder']}" for card in forums)
    assert sum(card.expected.counts["documents"] for card in forums) == 457_199
    assert sum(card.expected.counts["test"] for card in forums) == 13_145
    # The figure of CQADupStack as a whole is the mean over its forums.
    assert sum(card.references[0].value for card in forums) / 12 == pytest.approx(0.302, abs=0.0005)
    assert len({(card.source.options["path"], card.source.options["checksum"]) for card in forums}) == 1


def test_no_two_collections_share_a_checksum_by_mistake():
    alone = [card.source.options["checksum"] for card in BEIR if not card.name.startswith("cqadupstack-")]
    assert len(set(alone)) == len(alone)
