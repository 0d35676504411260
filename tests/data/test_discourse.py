"""A forum as a collection: titles ask, replies solve, the newest are held out; from its address or from saved files."""

import json

import pytest
from discourse_server import DELETED, WAIT, Forum, post, topic

from bench.data.load import open_dataset
from bench.errors import DataError

QUOTE = (
    '<aside class="quote no-group" data-post="1"><div class="title"><img class="avatar" src="a.png"> user1:</div>'
    "<blockquote><p>body{0} words</p></blockquote></aside>"
)
IMAGE = (
    '<div class="lightbox-wrapper"><a class="lightbox" href="/u.png"><img src="/u.png" alt="shot">'
    '<div class="meta"><span class="filename">shot.png</span><span class="informations">690&times;388 30 KB</span></div></a></div>'
)
CODE = '<pre><code class="lang-python">omega{0}(psi{0})\n</code></pre>'


def topics(number=60):
    """Topics that share no word; every third has an accepted answer, below a reply with a higher score."""
    return [
        topic(
            n,
            f"alpha{n} beta{n} gamma{n}" + (" [Solved]" if n % 3 == 0 else ""),
            [
                post(10 * n, 1, f"<p>body{n} words</p>"),
                post(
                    10 * n + 1, 2, f"{QUOTE}<p>best{n} reply &lt;{n}&gt;</p>{CODE}".replace("{0}", str(n)), score=30.5
                ),
                post(10 * n + 2, 3, post_type=3, cooked="", score=99.0),
                post(10 * n + 3, 5, f"<p>accepted{n} answer</p>{IMAGE}", score=3.0, accepted_answer=n % 3 == 0),
            ],
            created_at=f"{2018 + n // 12}-{1 + n % 12:02}-01T00:00:00.000Z",
            **({"accepted_answer": {"post_number": 5}} if n % 3 == 0 else {}),
        )
        for n in range(1, number + 1)
    ]


def solved(data):
    """Question -> solution, of all splits."""
    docs = {doc.id: doc.text for doc in data.corpus}
    splits = (data.train, data.dev, data.test)
    return {query.text: docs[name] for split in splits for query in split.queries for name in split.qrels[query.id]}


@pytest.fixture
def saved(tmp_path):
    def write(told, below=""):
        folder = tmp_path / "forum" / below
        folder.mkdir(parents=True, exist_ok=True)
        for one in told:
            (folder / f"{one['id']}.json").write_text(json.dumps(one), encoding="utf-8")
        return tmp_path / "forum"

    return write


@pytest.fixture
def opened(tmp_path):
    return lambda place, options="": open_dataset(f"discourse:{place}{options}", cache=tmp_path / "cache")


EXPECTED = {
    f"alpha{n} beta{n} gamma{n}": f"best{n} reply <{n}>\n\nomega{n}(psi{n})" if n % 3 else f"accepted{n} answer"
    for n in range(1, 61)
}


@pytest.mark.parametrize("below", ["", "t"])
def test_saved_topics_become_questions_and_solutions(saved, opened, below):
    data = opened(saved(topics(), below))
    assert solved(data) == EXPECTED
    assert data.name == "forum"
    assert data.facts["topics"] == "60, of which 20 with an accepted answer"
    assert data.facts["solutions"] == "20 accepted answers, 40 replies that the forum scores highest"
    assert "licence of the forum" in data.facts["terms"]
    assert data.facts["split"].startswith("by time")
    # The newest tenth is held out; ids lead to the post.
    assert {query.id.partition("/")[0] for query in data.test.queries} == {str(n) for n in range(55, 61)}
    assert {query.id.partition("/")[2] for query in data.test.queries} == {"2", "5"}


def test_a_forum_is_the_same_collection_as_its_saved_topics(saved, opened):
    with Forum(topics(), {"/t/7.json": [WAIT]}).running() as forum:
        data = opened(forum.url, ",per_second=1000")
        asked = len(forum.paths)
        assert opened(forum.url, ",per_second=1000").fingerprint == data.fingerprint
        assert len(forum.paths) == asked
    assert data.fingerprint == opened(saved(topics())).fingerprint
    assert data.name == forum.url.removeprefix("http://").replace(":", "-")
    assert data.facts["retrieved"].startswith(f"{forum.url}, from 2")
    assert data.facts["terms"].endswith(f"{forum.url}/tos")


def test_only_accepted_answers(saved, opened):
    data = opened(saved(topics(180)), ",solutions=accepted")
    assert solved(data) == {f"alpha{n} beta{n} gamma{n}": f"accepted{n} answer" for n in range(3, 181, 3)}
    assert data.facts["dropped"] == "120 topics without accepted answer"


def test_the_newest_topics_and_those_since_a_day(saved, opened):
    folder = saved(topics())
    assert solved(opened(folder, ",topics=40")) == dict(list(EXPECTED.items())[20:])
    assert solved(opened(folder, ",since=2020-01-01")) == dict(list(EXPECTED.items())[23:])


def test_the_first_post_can_be_part_of_the_question(saved, opened):
    data = opened(saved(topics()), ",question=title+post")
    assert set(solved(data)) == {f"alpha{n} beta{n} gamma{n}\n\nbody{n} words" for n in range(1, 61)}


def test_the_report_tells_what_was_left_out_and_why(saved, opened):
    odd = [
        topic(901, "Solved!", [post(9011, 1), post(9012, 2)]),
        topic(902, "Nobody answers this", [post(9021, 1)]),
        topic(903, "Nobody says anything", [post(9031, 1), post(9032, 2, "")]),
        topic(
            904, "Where is it", [post(9041, 1), post(9042, 2, "<p>here it is</p>")], accepted_answer={"post_number": 4}
        ),
        topic(905, "No day", [post(9051, 1, created_at=None), post(9052, 2, created_at=None)], created_at=None),
        topic(906, "why does it do this", [post(9061, 1), post(9062, 2, "<p>Why does it do this? Because.</p>")]),
        topic(907, "Long one", [post(9071, 1), post(9072, 2, "<p>text of the long one</p>")], posts_count=25),
    ]
    facts = opened(saved([*topics(), *odd])).facts
    assert set(facts["dropped"].split("; ")) == {
        "1 topics without a title",
        "1 topics without a reply",
        "1 topics whose replies have no text",
        "1 topics without a date",
    }
    assert facts["topics"] == "67, of which 21 with an accepted answer"
    assert facts["lost answers"].startswith("1 accepted answers are hidden")
    assert facts["unread posts"].startswith("23 of 1 topics")
    assert facts["quoted"].startswith("1 solutions hold their own question")


def test_topics_that_the_list_or_the_forum_withholds_are_counted(opened):
    alone = topic(90, "Nobody answers this", [post(9001, 1)])
    with Forum([*topics(), alone], {"/t/8.json": [DELETED]}).running() as forum:
        facts = opened(forum.url, ",per_second=1000").facts
    assert facts["topics"] == "61, of which 20 with an accepted answer"
    assert set(facts["dropped"].split("; ")) == {
        "1 topics without a reply",
        "1 topics deleted or closed before they were read",
    }


def test_saved_files_that_change_are_read_again(saved, opened):
    before = opened(saved(topics()))
    changed = topics()
    changed[0]["post_stream"]["posts"][1]["cooked"] = "<p>Another reply.</p>"
    assert opened(saved(changed)).fingerprint != before.fingerprint


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (",topics=-1", "topics=-1 must be 0"),
        (",since=lately", "since=lately is no day"),
        (",category=help/7", "category is for a forum that is read from its https:// address"),
        (",refresh=today", "refresh is for a forum"),
        (",solutions=all", "solutions=all is not one of best, accepted"),
        (",since=2030-01-01", "no topic has a solution; there are no topics"),
    ],
)
def test_options_that_cannot_be_carried_out(saved, opened, options, reason):
    with pytest.raises(DataError) as caught:
        opened(saved(topics()), options)
    assert reason in str(caught.value)


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_without_topics(tmp_path, opened, make):
    folder = tmp_path / "nothing"
    if make:
        folder.mkdir()
        (folder / "notes.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"nothing: no topics; there must be files such as 123\.json"):
        opened(folder)


@pytest.mark.parametrize("address", ["https://forum.example.org/latest?order=created", "https://forum.example.org#top"])
def test_an_address_with_more_than_a_place(opened, address):
    with pytest.raises(DataError, match="give the address at which the forum begins"):
        opened(address)
