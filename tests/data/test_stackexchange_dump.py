"""Posts.xml of a Stack Exchange dump: which answer counts, in whatever order the rows stand, and in bounded memory."""

import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posts_examples import answer, document, question, row, synthetic

from bench.data.forums.stack_dump import read_posts
from bench.data.load import open_card, open_dataset
from bench.errors import DataError


def quiet(_fraction, _note):
    pass


@pytest.fixture
def solved(tmp_path):
    """Question number -> number of the answer that counts, after reading rows."""

    def read(*rows, tag="pytorch", accepted_only=False):
        path = tmp_path / "Posts.xml"
        path.write_text(document(*rows), encoding="utf-8")
        return pairs_of(path, tag, accepted_only=accepted_only)

    return read


def pairs_of(path, tag="pytorch", *, accepted_only=False):
    posts = read_posts(path, tag, accepted_only=accepted_only, progress=quiet)
    return {asked.id: best.id for asked, best in posts.threads.solved()}


@pytest.fixture
def opened(tmp_path):
    def read(*rows, options="", name="Posts.xml"):
        folder = tmp_path / "site.stackexchange.com"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(document(*rows), encoding="utf-8")
        return open_dataset(f"stackexchange:{folder / name}{options}", cache=tmp_path / "cache")

    return read


def forum(count=40):
    """Questions 1, 11, 21, ... with an answer each."""
    numbers = range(1, 10 * count, 10)
    return [text for number in numbers for text in (question(number), answer(number + 1, number))]


def texts(dataset):
    """Question -> solution over all splits."""
    docs = {doc.id: doc.text for doc in dataset.corpus}
    return {
        query.text: docs[next(iter(split.qrels[query.id]))]
        for split in (dataset.train, dataset.dev, dataset.test)
        for query in split.queries
    }


def test_the_accepted_answer_counts_whatever_the_scores(solved):
    rows = question(1, AcceptedAnswerId=3), answer(2, 1, Score=99), answer(3, 1, Score=-2)
    assert solved(*rows) == {1: 3}


def test_without_an_accepted_answer_the_highest_score_counts_and_of_equal_ones_the_earliest(solved):
    rows = question(1), answer(2, 1, Score=4), answer(3, 1, Score=5), answer(4, 1, Score=5)
    assert solved(*rows) == {1: 3}
    assert solved(*rows, accepted_only=True) == {}


def test_an_accepted_answer_that_is_not_in_the_file_leaves_the_highest_score(solved):
    rows = question(1, AcceptedAnswerId=77), answer(2, 1)
    assert solved(*rows) == {1: 2}
    assert solved(*rows, accepted_only=True) == {}


def test_answers_without_text_deleted_or_voted_below_zero_do_not_count(solved):
    rows = question(1), answer(2, 1, " ", Score=9), answer(3, 1, Score=-1), answer(4, 1, Score=8, DeletionDate="2021")
    assert solved(*rows) == {}
    assert solved(*rows, answer(5, 1, Score=0)) == {1: 5}


@pytest.mark.parametrize("tags", ["<python><pytorch>", "|python|pytorch|", "|PyTorch|", "<pytorch>"])
def test_both_forms_of_tags_are_read(solved, tags):
    assert solved(question(1, Tags=tags), answer(2, 1)) == {1: 2}


@pytest.mark.parametrize("tags", ["<pytorch-lightning>", "|my-pytorch|", "", None, "pytorch"])
def test_a_tag_is_the_whole_tag(solved, tags):
    rows = question(1, Tags=tags), answer(2, 1)
    assert solved(*rows) == {}
    assert solved(*rows, tag="") == {1: 2}


def test_tags_with_signs_are_no_patterns(solved):
    rows = question(1, Tags="<c++>"), answer(2, 1), question(3, Tags="<c>"), answer(4, 3)
    assert solved(*rows, tag="c++") == {1: 2}


def test_a_merged_answer_that_is_older_than_its_question_is_found(solved):
    rows = answer(5, 9), question(7), answer(8, 7), question(9, AcceptedAnswerId=5), answer(10, 9, Score=50)
    assert solved(*rows) == {7: 8, 9: 5}


thread = st.tuples(
    st.sampled_from(["<pytorch>", "<python>"]),
    st.integers(0, 3),
    st.lists(st.integers(-2, 3), max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(thread, max_size=5), st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_the_order_of_rows_does_not_matter(tmp_path_factory, threads, order, only, renumbered):
    """Against the definition, computed with everything in memory."""
    numbers = list(range(1, 1 + sum(1 + len(scores) for _, _, scores in threads)))
    if renumbered:
        order.shuffle(numbers)
    rows, expected = [], {}
    for tags, accepted, scores in threads:
        asked = numbers.pop()
        answers = [(numbers.pop(), score) for score in scores]
        chosen = answers[accepted - 1][0] if 0 < accepted <= len(answers) else 0
        rows.append(question(asked, Tags=tags, AcceptedAnswerId=chosen or None))
        rows += [answer(number, asked, Score=score) for number, score in answers]
        others = [] if only else [(-score, number) for number, score in answers if score >= 0]
        if "pytorch" in tags and (chosen or others):
            expected[asked] = chosen or min(others)[1]
    order.shuffle(rows)
    path = tmp_path_factory.mktemp("posts") / "Posts.xml"
    path.write_text(document(*rows), encoding="utf-8")
    assert pairs_of(path, accepted_only=only) == expected


def test_duplicate_rows_and_other_kinds_of_posts_are_passed_over_and_counted(opened):
    wiki = row(Id=900, PostTypeId=5, CreationDate="2020-01-01T00:00:00", Score=0, Body="about a tag")
    twice = question(1), answer(2, 1)
    data = opened(*forum(), *twice, wiki, question(901, Title=" "), question(902))
    assert len(texts(data)) == 40
    assert data.facts["read"] == "41 of 43 questions in 85 posts, 1 of them neither question nor answer"
    assert set(data.facts["dropped"].split("; ")) == {
        "2 posts that repeat another's number",
        "1 questions without a title",
        "1 questions without an answer that counts",
    }


def test_a_dump_becomes_a_dataset_split_by_date(opened):
    data = opened(*forum(), options=",tag=pytorch")
    assert data.name == "site.stackexchange.com-pytorch"
    assert [len(split.queries) for split in (data.train, data.dev, data.test)] == [32, 4, 4]
    assert [query.id for query in data.test.queries] == ["361", "371", "381", "391"]
    assert "time" in data.facts["split"]
    assert data.facts["filter"] == "tag pytorch"
    assert texts(data)["how to alpha1 beta1 gamma1"] == "call omega2 psi2"


def test_bodies_become_text_with_quotes_and_code(opened):
    body = "<p>Use &lt;b&gt;:</p><blockquote><p>quoted words</p></blockquote><pre><code>x = 1 &lt; 2\n</code></pre>"
    data = opened(*forum(), question(501, Body="<p>My <b>story</b>.</p>"), answer(502, 501, body))
    solution = texts(data)["how to alpha501 beta501 gamma501"]
    assert all(part in solution for part in ("Use <b>:", "quoted words", "x = 1 < 2"))
    assert "</" not in solution


def test_the_body_can_be_part_of_the_question(opened):
    data = opened(*forum(), options=",question=title+body")
    assert "how to alpha1 beta1 gamma1\n\nbody1" in texts(data)


def test_licences_and_marks_of_the_posts_used_are_counted(opened):
    data = opened(
        *forum(),
        question(501, ContentLicense="CC BY-SA 3.0", Score=-4, OwnerUserId=None, ClosedDate="2020-01-02"),
        answer(502, 501, ContentLicense=None, CommunityOwnedDate="2020-01-02"),
        answer(503, 501, "<p>unused</p>", ContentLicense="CC BY-SA 2.5", Score=0),
        question(601, AcceptedAnswerId=602, LockedDate="2020-01-02"),
        answer(602, 601),
        question(701),
        answer(702, 701, "<p><img src='x.png'></p>"),
    )
    assert data.facts["licences"] == "82 CC BY-SA 4.0; 1 CC BY-SA 3.0; 1 not named"
    assert data.facts["solutions"] == "41 with the highest score; 1 accepted"
    assert set(data.facts["marks"].split("; ")) == {
        "1 voted below zero",
        "1 by users without an account",
        "1 closed",
        "1 community wiki",
        "1 locked",
    }
    assert data.facts["dropped"] == "1 questions whose answer has no text"


def test_a_dump_that_changes_is_read_again(opened):
    before = opened(*forum()).fingerprint
    assert opened(*forum()).fingerprint == before
    assert opened(*forum(41)).fingerprint != before


def test_names_come_from_the_site(tmp_path):
    assert open_card("stackexchange:ai.stackexchange.com/Posts.xml").name == "ai.stackexchange.com"
    assert open_card("stackexchange:dumps/ai.stackexchange.com.7z,tag=C++").name == "ai.stackexchange.com-c"
    assert open_card("stackexchange:api.stackexchange.com,site=stackoverflow,tag=gpu").name == "stackoverflow-gpu"


def test_memory_is_bounded_by_the_questions_kept_and_not_by_the_file(tmp_path):
    def peak(size):
        path = tmp_path / "Posts.xml"
        with path.open("wb") as file:
            file.writelines(synthetic(size, kept=20))
        tracemalloc.start()
        try:
            assert len(pairs_of(path)) == 20
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(5_000_000), peak(20_000_000)
    assert large < 1.1 * small < 8_000_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (",questions=10", "questions= belongs to the API; add site="),
        (",key=somewhere", "key= belongs to the API; add site="),
        (",questions=-1", "questions=-1 must be 1 or more"),
        (",site=stackoverflow", r"Posts\.xml is a file, and site= belongs to the API"),
        (",tag=nothing-like-it", r"Posts\.xml: no question tagged 'nothing-like-it' with an answer; 0 of 40 questions"),
        (",solutions=accepted", r"no question with an answer; .*40 questions without an accepted answer"),
    ],
)
def test_options_that_do_not_fit(opened, options, message):
    with pytest.raises(DataError, match=message) as caught:
        opened(*forum(), options=options)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    message = f"{tmp_path / 'Posts.xml'}: cannot be read: No such file or directory; to ask the API, add site="
    with pytest.raises(DataError, match=re.escape(message)):
        open_dataset(f"stackexchange:{tmp_path / 'Posts.xml'}", cache=tmp_path)
