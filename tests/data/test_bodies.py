"""Bodies of questions: read by the sources that know them, cleaned, kept, hashed only where there are any, told in the audit."""

import json

import pytest
from discourse_server import post, topic
from posts_examples import answer, document, question

from bench.api import Doc, Query
from bench.data.audit import audit
from bench.data.cache import cached
from bench.data.card import Card, SourceSpec, TextRule
from bench.data.dataset import Dataset, Split
from bench.data.load import open_dataset
from bench.data.pairing import Pair, dataset_from_pairs
from bench.errors import DataError

CARD = Card("tiny", "Tiny", SourceSpec("pairs", {"path": "tiny.csv"}))
PASSAGE = "one two three four five six seven eight nine ten"


def tiny(train="", dev="", test=""):
    def split(number, body):
        return Split((Query(f"q{number}", f"question {number} \ud800 é\n", body),), {f"q{number}": {f"d{number}": 1}})

    corpus = tuple(Doc(f"d{i}", f"solution {i} \0", "title" if i else "") for i in range(3))
    return Dataset("tiny", corpus, split(0, train), split(1, dev), split(2, test), "all", {}, {"q0": "g"})


def bodies(dataset):
    """Question -> body, over all splits."""
    return {query.text: query.body for part in (dataset.train, dataset.dev, dataset.test) for query in part.queries}


@pytest.fixture
def written(tmp_path, topics):
    """Opens a JSONL file of pairs whose rows hold what ``others`` makes of their number."""

    def write(others, options=""):
        rows = [{"question": q, "answer": a, **others(at)} for at, (q, a) in enumerate(topics)]
        (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return open_dataset(f"pairs:{tmp_path / 'own.jsonl'}{options}", cache=tmp_path / "cache")

    return write


def test_without_bodies_the_hashes_are_those_from_before_there_were_any():
    assert tiny().fingerprint == "6201e3a533509179"
    assert tiny().content("all") == {
        "searched documents": "3cf8bf864645",
        "held-out questions": "3086609dec97",
        "judgements": "afdb6b55e7af",
        "groups": "11000571a8f9",
        "training data": "b8effe709b39",
    }


def test_only_bodies_that_are_learned_from_change_the_hashes():
    plain, learned, held = tiny(), tiny(train="a body"), tiny(dev="a body", test="a body")
    assert held.fingerprint == plain.fingerprint
    assert held.content("all") == plain.content("all")
    assert learned.fingerprint != plain.fingerprint
    assert {name for name, value in learned.content("all").items() if plain.content("all")[name] != value} == {
        "training data"
    }
    assert tiny(train="another").fingerprint != learned.fingerprint


def test_only_training_questions_carry_their_bodies_to_learning():
    data = tiny("of train", "of dev", "of test")
    assert [query.body for query in data.pairs("train").queries] == ["of train"]
    assert data.pairs("dev").queries == (Query("q1", "question 1 \ud800 é\n"),)


def test_bodies_come_back_from_the_cache(tmp_path):
    data = tiny("of train \udfff", "of dev", "of test")
    stored = cached(tmp_path, CARD, {}, lambda: data)
    assert cached(tmp_path, CARD, {}, lambda: pytest.fail("built again")) == stored == data


def paired(*firsts, rule=None):
    """A collection of these pairs and forty others."""
    others = [Pair(f"p{i}", f"how to alpha{i} beta{i}", f"call omega{i} psi{i}") for i in range(40)]
    card = Card("tiny", "Tiny", CARD.source, text=rule or TextRule())
    return dataset_from_pairs([*firsts, *others], card, {}, lambda fraction, note: None)


def test_an_equal_question_takes_the_first_body_that_tells_more_than_it_does():
    data = paired(
        Pair("a", "Why so?", "because"),
        Pair("b", "why  so?", "for that", body="WHY SO?"),
        Pair("c", "why so?", "so it is", body="I tried"),
        Pair("d", "why so?", "ask me", body="I did not"),
    )
    assert bodies(data)["Why so?"] == "I tried"
    assert data.facts["bodies"] == "1 of 41 questions have one, to learn from alone"
    assert "bodies" not in paired().facts


def test_solutions_that_repeat_a_passage_of_the_body_are_counted():
    data = paired(
        Pair("a", "why so?", f"You say: {PASSAGE.upper()}! No.", body=f"zero {PASSAGE}"),
        Pair("b", "why not?", "one two three four five six seven eight nine", body=PASSAGE),
    )
    assert data.facts["bodies"].endswith("; 1 solutions repeat 10 words of it in a row or more")


def test_bodies_are_cleaned_by_the_cards_rule():
    data = paired(Pair("a", "why so?", "because", body="torch 2.1 fails at x"), rule=TextRule(drop_numbers=True))
    assert bodies(data)["why so?"] == "torch fails at x"


@pytest.mark.parametrize(("column", "options"), [("Body", ""), ("post", ",body=post")])
def test_a_column_of_pairs_is_the_body(written, column, options):
    data = written(lambda at: {column: f"  I tried {at} " if at else None}, options)
    assert bodies(data) == {
        query.text: f"I tried {query.text.split()[2].removeprefix('alpha')}" if "alpha0 " not in query.text else ""
        for part in (data.train, data.dev, data.test)
        for query in part.queries
    }


def test_a_body_where_the_first_record_had_none_is_an_error(written):
    with pytest.raises(DataError, match=r"own\.jsonl:4: 'body' is here, but not on line 1"):
        written(lambda at: {"body": "I tried"} if at == 3 else {})


def test_queries_of_the_beir_layout_may_have_bodies(beir, tmp_path):
    docs = {f"d{at}": f"text {at}" for at in range(3)}
    queries = [
        {"_id": "q0", "text": "first question", "body": " I tried "},
        {"_id": "q1", "text": "second question", "body": None},
        {"_id": "q2", "text": "third question"},
    ]
    judged = {name: [(f"q{at}", f"d{at}", 1)] for at, name in enumerate(("train", "dev", "test"))}
    data = open_dataset(f"beir:{beir(docs, queries, **judged)}", cache=tmp_path / "cache")
    assert bodies(data) == {"first question": "I tried", "second question": "", "third question": ""}
    assert data.facts["bodies"] == "1 of 3 questions have one, to learn from alone"
    queries[2]["body"] = ["no text"]
    with pytest.raises(DataError, match=r"queries\.jsonl:3: 'body' is \['no text'\], not a text in quotes"):
        open_dataset(f"beir:{beir(docs, queries, **judged)}", cache=tmp_path / "cache")


QUOTE = '<aside class="quote" data-post="9"><blockquote><p>of another</p></blockquote></aside>'


@pytest.mark.parametrize(("options", "expected"), [("", "I tried &5\n\nrun(5)"), (",question=title+post", "")])
def test_the_first_post_of_a_topic_is_the_body(tmp_path, options, expected):
    for n in range(40):
        first = f"{QUOTE}<p>I tried &amp;{n}</p><pre><code>run({n})\n</code></pre>"
        posts = [post(10 * n + 1, 1, first), post(10 * n + 2, 2, f"<p>call omega{n}</p>")]
        told = topic(n + 1, f"alpha{n} beta{n}", posts, created_at=f"2020-01-01T00:{n:02}:00.000Z")
        (tmp_path / f"{n + 1}.json").write_text(json.dumps(told))
    data = open_dataset(f"discourse:{tmp_path}{options}", cache=tmp_path / "cache")
    assert next(body for text, body in bodies(data).items() if text.startswith("alpha5 ")) == expected


@pytest.mark.parametrize(("options", "expected"), [("", "I tried\n\nrun(5)"), (",question=title+body", "")])
def test_the_body_of_a_stack_exchange_question_is_read(tmp_path, options, expected):
    body = "<p>I tried</p>\n<pre><code>run({})\n</code></pre>"
    rows = [row for n in range(1, 81, 2) for row in (question(n, Body=body.format(n)), answer(n + 1, n))]
    (tmp_path / "Posts.xml").write_text(document(*rows))
    data = open_dataset(f"stackexchange:{tmp_path / 'Posts.xml'}{options}", cache=tmp_path / "cache")
    assert next(body for text, body in bodies(data).items() if "alpha5 " in text) == expected


STANDS = "held-out questions that stand in the body of a train question"
REPEATED = "held-out questions whose right answer repeats 10 words or more of their body"


def audited(train="", test="", solution="because of that", text="how does it stop early"):
    learned = Split((Query("a", "why so", train),), {"a": {"x": 1}})
    held = Split((Query("b", text, test),), {"b": {"y": 1}})
    data = Dataset("tiny", (Doc("x", "for this"), Doc("y", solution)), learned, learned, held)
    return {finding.name: finding.found for finding in audit(data, "all")}


def test_the_audit_tells_of_bodies_only_where_there_are_any():
    assert not {STANDS, REPEATED} & audited().keys()
    assert audited(train="something") == {**audited(), STANDS: 0, REPEATED: 0}


def test_the_audit_finds_held_out_questions_in_bodies_that_are_learned_from():
    assert audited(train="I asked: how does it 'how does it\nstop EARLY?', too")[STANDS] == 1
    assert audited(train="how does it stop late")[STANDS] == 0
    assert audited(train="how does it stop", text="does it stop")[STANDS] == 0  # three words stand there by chance


def test_the_audit_finds_answers_that_repeat_the_body_of_their_question():
    assert audited(test=PASSAGE, solution=f"You say {PASSAGE}.")[REPEATED] == 1
    assert audited(train=PASSAGE, solution=f"You say {PASSAGE}.")[REPEATED] == 0
