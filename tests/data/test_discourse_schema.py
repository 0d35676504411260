"""What a topic asks and which post solves it, from topics with every oddity that forums show."""

import json
from collections import Counter

import pytest
from discourse_server import post, topic

from bench.data.forums.discourse_solutions import cleaned_title, solution
from bench.data.forums.discourse_topics import read_topics, topic_files
from bench.errors import DataError

FIRST = post(1, 1, "<p>It does not work.</p>", score=900.0)


@pytest.fixture
def read(tmp_path):
    """Save answers as files and read the topics."""

    def run(*answers, **further):
        for answer in answers:
            (tmp_path / f"{answer['id']}.json").write_text(json.dumps(answer), encoding="utf-8")
        for name, answer in further.items():
            (tmp_path / f"{name.strip('_').replace('_', '-')}.json").write_text(json.dumps(answer), encoding="utf-8")
        return list(read_topics(topic_files(tmp_path), Counter()))

    return run


@pytest.fixture
def solve(read):
    """Number of the post that solves a topic made of replies, with how it was found, or why none does."""

    def run(*replies, accepted_only=False, first=FIRST, **fields):
        (found,) = read(topic(1, "A title", [first, *replies], **fields))
        chosen = solution(found, accepted_only=accepted_only)
        return chosen if isinstance(chosen, str) else (chosen.post.number, chosen.how)

    return run


def test_the_topic_names_its_accepted_answer(solve):
    replies = [post(2, 2, score=50.0), post(3, 3, score=1.0)]
    assert solve(*replies, accepted_answer={"post_number": 3, "username": "user3", "excerpt": None}) == (3, "accepted")


def test_a_post_is_marked_as_accepted(solve):
    assert solve(post(2, 2, score=50.0), post(3, 3, score=1.0, accepted_answer=True)) == (3, "accepted")


@pytest.mark.parametrize("fields", [{}, {"accepted_answer": None}])
@pytest.mark.parametrize(
    "marks", [{}, {"accepted_answer": False}, {"accepted_answer": None}, {"topic_accepted_answer": None}]
)
@pytest.mark.parametrize("known", [True, False, None])
def test_without_one_the_best_reply_solves(solve, fields, marks, known):
    """``topic_accepted_answer`` only says that some post is accepted, on some forums."""
    marks = {"topic_accepted_answer": known, **marks}
    replies = [post(2, 2, score=5.0, **marks), post(3, 3, score=66709.5, **marks)]
    assert solve(*replies, **fields) == (3, "score")
    assert solve(*replies, **fields, accepted_only=True) == "topics without accepted answer"


def test_of_two_marked_posts_the_one_that_the_topic_names_solves(solve):
    marked = [post(2, 2, score=50.0, accepted_answer=True), post(3, 3, score=1.0, accepted_answer=True)]
    assert solve(*marked, accepted_answer={"post_number": 3}) == (3, "accepted")
    assert solve(*marked) == (2, "accepted")


@pytest.mark.parametrize("mark", [{"accepted_answer": True}, {}])
def test_the_first_post_never_solves(solve, mark):
    first = {**FIRST, **mark}
    assert solve(post(2, 2), first=first, accepted_answer={"post_number": 1}) == (2, "score")
    assert solve(first=first) == "topics without a reply"


UNREADABLE = {
    "notice of a moderator": {"post_type": 2},
    "small action": {"post_type": 3, "action_code": "closed.enabled"},
    "whisper": {"post_type": 4},
    "hidden": {"hidden": True},
    "deleted by its author": {"user_deleted": True, "cooked": "<p>(post deleted by author)</p>"},
    "deleted": {"deleted_at": "2021-03-02T00:00:00.000Z"},
    "empty": {"cooked": ""},
    "null": {"cooked": None},
    "an image": {"cooked": '<p><img src="/uploads/a.png" alt="screenshot"></p>'},
    "only a quote": {
        "cooked": '<aside class="quote" data-post="1" data-topic="1"><div class="title">user1:</div>'
        "<blockquote><p>It does not work.</p></blockquote></aside>"
    },
    "only a onebox": {
        "cooked": '<aside class="onebox allowlistedgeneric"><article class="onebox-body"><h3>Elsewhere</h3></article></aside>'
    },
}


@pytest.mark.parametrize("why", UNREADABLE)
def test_a_post_that_nobody_can_read_solves_nothing(solve, why):
    fields = {"score": 99.0, "accepted_answer": True, **UNREADABLE[why]}
    unreadable = post(2, 2, **fields)
    lost = "topics whose accepted answer is hidden, empty or not there"
    assert solve(unreadable, post(3, 3)) == (3, "score")
    assert solve(unreadable, post(3, 3), accepted_only=True) == lost
    assert solve(unreadable) in {"topics without a reply", "topics whose replies have no text"}


def test_an_accepted_answer_in_a_gap_is_lost(solve, read):
    """Post 3 was deleted: its number is missing, but the topic still names it."""
    replies, named = [post(2, 2), post(4, 4, score=9.0)], {"accepted_answer": {"post_number": 3}}
    assert solve(*replies, **named) == (4, "score")
    (found,) = read(topic(1, "A title", [FIRST, *replies], **named))
    assert solution(found, accepted_only=False).lost
    assert [one.number for one in found.posts] == [1, 2, 4]


def test_without_scores_the_formula_of_the_forum_ranks(solve):
    """Likes weigh 15, replies and links 5, bookmarks 2, readers a fifth, seconds of reading a twentieth (ScoreCalculator)."""
    plain = {"score": None, "reads": 0}
    like = {"id": 2, "count": 1}
    ways = [
        {"actions_summary": [like], "worth": 15},
        {"actions_summary": [{"id": 8, "count": 9}, {"id": 2}], "worth": 0},
        {"actions_summary": None, "reply_count": 2, "worth": 10},
        {"incoming_link_count": 1, "bookmark_count": 2, "worth": 9},
        {"reads": 30, "avg_time": 40, "worth": 8},
        {"reads": None, "avg_time": None, "worth": 0},
    ]
    for better in ways:
        for worse in ways:
            replies = [post(n, n, **{**plain, **way}) for n, way in ((2, worse), (3, better))]
            assert solve(*replies) == (3 if better["worth"] > worse["worth"] else 2, "activity")


def test_scores_count_where_every_reply_has_one(solve):
    liked = post(2, 2, score=None, actions_summary=[{"id": 2, "count": 1}])
    assert solve(liked, post(3, 3, score=1000.0)) == (2, "activity")
    assert solve(post(2, 2, score=1.0), post(3, 3, score=1.0)) == (2, "score")


def test_markdown_is_read_where_the_forum_offers_it(read):
    raw = '[quote="user1, post:1, topic:1"]\nIt does not work.\n[/quote]\nUse `x`.'
    replies = [
        post(2, 2, "<p>Other.</p>", raw=raw),
        post(3, 3, "<p>Cooked &amp; eaten.</p>", raw=""),
        post(4, 4, raw=None),
    ]
    (found,) = read(topic(1, "A title", [FIRST, *replies]))
    assert [one.text for one in found.posts] == ["It does not work.", "Use x.", "Cooked & eaten.", "Some words."]


def test_posts_told_twice_and_out_of_order_count_once(read):
    first = topic(1, "A title", [FIRST, post(2, 2)])
    first["post_stream"]["stream"] = [1, 2, 5, 7, 8]
    further = {"post_stream": {"posts": [post(2, 2), post(7, 4), post(5, 3)]}, "id": 1}
    (found,) = read(first, _1_1=further, _1_10={"post_stream": {"posts": [post(7, 4)]}, "id": 1})
    assert [(one.id, one.number) for one in found.posts] == [(1, 1), (2, 2), (5, 3), (7, 4)]
    assert found.unread == 1  # post 8 was deleted between the two answers, or not saved


def test_unread_posts_are_counted_without_a_stream_too(read):
    (found,) = read(topic(1, "A title", [FIRST, post(2, 2)], posts_count=30))
    assert found.unread == 28


def test_a_title_is_a_text_or_its_html_form(read):
    told = [
        topic(1, "Tables & <b>bold</b>", [FIRST], fancy_title="Tables &amp; &lt;b&gt;bold&lt;/b&gt;"),
        topic(2, None, [FIRST], fancy_title="Tables &amp; &ldquo;bold&rdquo;&hellip;"),
        topic(3, "What does &amp; mean?", [FIRST]),
        topic(4, None, [FIRST]),
    ]
    told[3]["fancy_title"] = None
    assert [one.title for one in read(*told)] == [
        "Tables & <b>bold</b>",
        "Tables & “bold”…",
        "What does &amp; mean?",
        "",
    ]


def test_a_date_is_the_topics_or_its_first_posts(read):
    (dated, older, undated) = read(
        topic(1, "A", [FIRST], created_at="1970-01-01T01:00:00.500Z"),
        topic(2, "B", [post(1, 1, created_at="1970-01-02T00:00:00Z")], created_at=None),
        topic(3, "C", [post(1, 1, created_at=None)], created_at=None),
    )
    assert (dated.date, older.date, undated.date) == (3600.5, 86400.0, None)


@pytest.mark.parametrize(
    ("title", "cleaned"),
    [
        ("[SOLVED] Loader hangs", "Loader hangs"),
        ("Loader hangs (solved!)", "Loader hangs"),
        ("Solved: Loader hangs", "Loader hangs"),
        ("SOLVED - Loader hangs", "Loader hangs"),
        ("Loader hangs - Solved", "Loader hangs"),
        ("Loader hangs — finally solved.", "Loader hangs"),
        ("Loader hangs **SOLVED**", "Loader hangs"),
        ("Loader hangs? Solved", "Loader hangs"),
        ("Loader hangs [Solved by downgrading]", "Loader hangs"),
        ("Loader hangs [Unsolved]", "Loader hangs"),
        ("Loader hangs solved", "Loader hangs"),
        ("[Gelöst] Lader hängt", "Lader hängt"),
        ("【已解决】无法加载", "无法加载"),
        ("[Résolu] Le chargeur", "Le chargeur"),
        ("Loader  \u200bhangs\n", "Loader hangs"),
        ("[solved]", ""),
        ("Solved", ""),
        ("Solved!", ""),
        ("How is this equation solved?", "How is this equation solved?"),
        ("How can this be solved", "How can this be solved"),
        ("Resolved paths are wrong", "Resolved paths are wrong"),
        ("Host name not resolved", "Host name not resolved"),
        ("Dissolved oxygen (measured)", "Dissolved oxygen (measured)"),
        ("Solver [linear] fails", "Solver [linear] fails"),
        ("Ax = b solved twice", "Ax = b solved twice"),
    ],
)
def test_a_title_does_not_tell_that_its_topic_is_solved(title, cleaned):
    assert cleaned_title(title) == cleaned
    assert cleaned_title(cleaned) == cleaned


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"id": 1}, "1.json: no post_stream with posts"),
        ({"id": 1, "post_stream": {"posts": None}}, "1.json: no post_stream with posts"),
        ({"id": 1, "post_stream": {"posts": [3]}}, "1.json: no post_stream with posts"),
        (topic("1", "A", [FIRST]), "1.json: topic '1': id is '1', not a whole number"),
        (topic(1, ["A"], [FIRST]), "1.json: topic 1: title is ['A'], not a text"),
        (topic(1, "A", [FIRST], accepted_answer={"post_number": "2"}), "accepted_answer: post_number is '2'"),
        (topic(1, "A", [FIRST], created_at="yesterday"), "topic 1: 'yesterday' is no date"),
        (topic(1, "A", [{**FIRST, "cooked": 5}]), "topic 1, post 1: cooked is 5, not a text"),
        (topic(1, "A", [{**FIRST, "post_number": None}]), "topic 1, post 1: post_number is None"),
        (topic(1, "A", [{**FIRST, "created_at": 1.5}]), "topic 1, post 1: 1.5 is no date"),
        ([], "1.json: a list where an object"),
    ],
)
def test_damage_is_named_by_file_topic_and_post(tmp_path, answer, reason):
    (tmp_path / "1.json").write_text(json.dumps(answer), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        list(read_topics(topic_files(tmp_path), Counter()))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_further_posts_need_their_topic(tmp_path):
    (tmp_path / "1-1.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"1-1\.json: further posts of a topic, but .*1\.json is not there"):
        topic_files(tmp_path)
