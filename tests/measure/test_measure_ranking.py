"""The ranking rule is trec_eval's, and a run survives its file."""

import gzip

import numpy as np
import pytest
import pytrec_eval
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.api import Hits
from bench.errors import DataError, HitsError
from bench.measure import ranking
from bench.measure.ranking import Run, canonical, read_trec, write_trec

DOCS = ["d1", "d9", "d10", "é", "e", "D1", "d1x", "\U0001f600", "\uffff"]
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def hits(positions, scores, dtype=np.float32):
    return Hits(np.array(positions, dtype=np.int64), np.array(scores, dtype=dtype))


def one_row(positions, scores, docs=DOCS, dtype=np.float32):
    run = canonical(hits([positions], [scores], dtype), ["q"], docs, max(1, len(positions)))
    return list(run.doc_ids[0])


@st.composite
def rankings(draw):
    positions = draw(st.lists(st.integers(0, len(DOCS) - 1), unique=True, min_size=1))
    scores = FLOAT32 | st.sampled_from([0.0, -0.0, 0.5])
    return positions, draw(st.lists(scores, min_size=len(positions), max_size=len(positions)))


class TestRule:
    def test_higher_scores_come_first(self):
        assert one_row([0, 1, 2], [0.1, 0.3, 0.2]) == ["d9", "d10", "d1"]

    def test_equal_scores_are_ordered_by_id_descending_as_strings(self):
        assert one_row([0, 1, 2, 5], [1, 1, 1, 1]) == ["d9", "d10", "d1", "D1"]

    def test_numbers_that_differ_in_float64_alone_are_ties(self):
        assert one_row([0, 1], [0.1 + 1e-9, 0.1], dtype=np.float64) == ["d9", "d1"]

    def test_negative_zero_ties_with_zero(self):
        assert one_row([0, 1, 2], [0.0, -0.0, -1e-45]) == ["d9", "d1", "d10"]

    def test_negative_scores_order_like_numbers(self):
        assert one_row([0, 1, 2], [-3.0, -1.0, -2.0]) == ["d9", "d10", "d1"]

    @given(rankings())
    def test_order_is_a_sort_by_float32_then_id(self, row):
        positions, scores = row
        expected = sorted(zip(np.float32(scores).tolist(), (DOCS[p] for p in positions), strict=True), reverse=True)
        assert one_row(positions, scores) == [doc_id for _, doc_id in expected]

    @given(rankings(), st.randoms())
    def test_order_of_arrival_means_nothing(self, row, random):
        shuffled = random.sample(list(zip(*row, strict=True)), len(row[0]))
        assert one_row(*zip(*shuffled, strict=True)) == one_row(*row)

    @given(rankings(), st.lists(FLOAT32, unique_by=np.float32, min_size=len(DOCS) + 2))
    def test_a_strictly_monotone_map_of_scores_changes_nothing(self, row, images):
        positions, scores = row
        _, rank = np.unique(np.float32(scores), return_inverse=True)
        images = np.unique(np.float32(images) + np.float32(0))
        assume(len(images) > rank.max())
        assert one_row(positions, images[rank]) == one_row(positions, scores)

    @given(rankings())
    def test_trec_eval_ranks_the_same(self, row):
        positions, scores = row
        docs = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        ranked = one_row(positions, scores, docs)
        for rank, doc_id in enumerate(ranked, start=1):
            evaluator = pytrec_eval.RelevanceEvaluator({"q": {doc_id: 1}}, {"recip_rank"})
            run = {"q": {docs[p]: float(score) for p, score in zip(positions, scores, strict=True)}}
            assert evaluator.evaluate(run)["q"]["recip_rank"] == 1 / rank


class TestCanonical:
    def test_scores_are_float32_in_order_and_read_only(self):
        run = canonical(hits([[0, 1, 2]], [[-0.5, 2.25, 0.1]], np.float64), ["q"], DOCS, 3)
        assert run.scores[0].dtype == np.float32
        assert run.scores[0].tolist() == np.float32([2.25, 0.1, -0.5]).tolist()
        with pytest.raises(ValueError, match="read-only"):
            run.scores[0][0] = 9

    def test_what_was_given_is_left_alone(self):
        given_hits = hits([[0, -1, 1]], [[1, np.nan, 2]])
        canonical(given_hits, ["q"], DOCS, 3)
        assert given_hits.positions.tolist() == [[0, -1, 1]]
        assert given_hits.scores[0, [0, 2]].tolist() == [1, 2]

    def test_pads_are_dropped_wherever_they_stand_and_whatever_their_score(self):
        run = canonical(hits([[-1, 1, -1, 0], [-1] * 4], [[np.inf, 1, np.nan, 2], [-np.inf] * 4]), ["q", "r"], DOCS, 4)
        assert run.doc_ids == (("d1", "d9"), ())
        assert [len(row) for row in run.scores] == [2, 0]

    def test_a_row_may_be_shorter_than_k(self):
        assert canonical(hits([[1]], [[1]]), ["q"], DOCS, 10).doc_ids == (("d9",),)

    @pytest.mark.parametrize("width", [0, 3])
    def test_an_empty_corpus_answers_nothing(self, width):
        run = canonical(hits([[-1] * width], [[0] * width]), ["q"], [], 3)
        assert run.doc_ids == ((),)

    def test_no_queries_make_an_empty_run(self):
        run = canonical(Hits(np.zeros((0, 3), dtype=np.int64), np.zeros((0, 3), dtype=np.float32)), [], DOCS, 3)
        assert run == Run((), (), ())

    @pytest.mark.parametrize(("integer", "floating"), [(np.int32, np.float16), (np.int8, np.float64)])
    def test_other_widths_of_integers_and_floats_are_taken(self, integer, floating):
        given_hits = Hits(np.array([[1, -1, 0]], dtype=integer), np.array([[1, 0, 2]], dtype=floating))
        assert canonical(given_hits, ["q"], DOCS, 3).doc_ids == (("d1", "d9"),)

    def test_many_queries_are_ordered_block_by_block_as_at_once(self, monkeypatch):
        rng = np.random.default_rng(0)
        positions = rng.permuted(np.tile(np.arange(9), (50, 1)), axis=1)[:, :4]
        given_hits = Hits(positions, rng.integers(3, size=(50, 4)).astype(np.float32))
        queries = [f"q{i}" for i in range(50)]
        at_once = canonical(given_hits, queries, DOCS, 4)
        monkeypatch.setattr(ranking, "_BLOCK_HITS", 12)
        assert canonical(given_hits, queries, DOCS, 4) == at_once

    @pytest.mark.parametrize(
        ("positions", "scores", "message"),
        [
            ([[0, 1], [1, 2]], [[1, 2], [np.nan, 1]], "query 'second': document 'd9' has the score nan"),
            ([[0, 1], [1, 2]], [[1, 2], [1, -np.inf]], "query 'second': document 'd10' has the score -inf"),
            ([[0, 1], [2, 2]], [[1, 2], [3, 1]], "query 'second': document 'd10' is returned twice"),
            ([[0, 1], [0, 9]], [[1, 2], [2, 1]], "query 'second': position 9 in a corpus of 9 documents"),
            ([[0, 1], [-2, 1]], [[1, 2], [2, 1]], "query 'second': position -2 in a corpus"),
            ([[0, 1, 2], [0, 1, 2]], [[1, 2, 3], [1, 2, 3]], "3 hits for each query where at most k = 2"),
            ([[0, 1]], [[1, 2]], r"must both have shape \(2, at most 2\)"),
            ([[0, 1], [0, 1]], [[1], [2]], r"positions \(2, 2\) and scores \(2, 1\) must both have shape"),
            ([0, 1], [1, 2], "must both have shape"),
        ],
    )
    def test_what_is_not_a_ranking_is_refused_by_name(self, positions, scores, message):
        with pytest.raises(HitsError, match=message):
            canonical(hits(positions, scores), ["first", "second"], DOCS, 2)

    def test_an_overflow_of_float32_is_refused(self):
        with pytest.raises(HitsError, match="query 'q': document 'd1' has the score inf"):
            one_row([0], [1e39], dtype=np.float64)

    @pytest.mark.parametrize(
        ("positions", "scores", "message"),
        [
            ([[0]], np.zeros((1, 1)), "positions of hits must be a numpy array of integer type, not list"),
            (np.zeros((1, 1)), np.zeros((1, 1)), "positions of hits .* integer type, not float64"),
            (np.zeros((1, 1), dtype=bool), np.zeros((1, 1)), "positions of hits .* not bool"),
            (np.zeros((1, 1), dtype=int), np.zeros((1, 1), dtype=int), "scores of hits .* float type, not int64"),
            (np.zeros((1, 1), dtype=int), np.array([["a"]], dtype=object), "scores of hits .* not object"),
        ],
    )
    def test_other_than_arrays_of_numbers_are_refused(self, positions, scores, message):
        with pytest.raises(HitsError, match=message):
            canonical(Hits(positions, scores), ["q"], DOCS, 1)

    @pytest.mark.parametrize(("queries", "docs"), [(["q", "q"], ["a", "b"]), (["q", "r"], ["a", "a"])])
    def test_ids_must_be_distinct_because_they_decide_ties(self, queries, docs):
        with pytest.raises(DataError, match=r"id '[qa]' stands twice"):
            canonical(hits([[0], [1]], [[1], [1]]), queries, docs, 1)


def run_of(rows):
    """Query -> [(document, score)] in canonical order as a Run."""
    return Run(
        tuple(rows),
        tuple(tuple(doc_id for doc_id, _ in row) for row in rows.values()),
        tuple(np.array([score for _, score in row], dtype=np.float32) for row in rows.values()),
    )


SMALL = run_of({"q1": [("b", 0.1), ("a", 0.1)], "q2": [("naïve\u00a0id", -3e-45)]})


class TestTrecFile:
    def test_lines_are_those_of_trec(self, tmp_path):
        write_trec(SMALL, tmp_path / "x.run", "bm25:k1=0.9")
        assert (tmp_path / "x.run").read_text(encoding="utf-8") == (
            "q1 Q0 b 1 0.1 bm25:k1=0.9\nq1 Q0 a 2 0.1 bm25:k1=0.9\nq2 Q0 naïve\u00a0id 1 -3e-45 bm25:k1=0.9\n"
        )

    @settings(deadline=None)
    @given(st.lists(rankings(), min_size=1, max_size=4), st.sampled_from(["x.run", "x.run.gz"]))
    def test_what_is_written_is_read_back_exactly(self, tmp_path_factory, rows, name):
        width = max(len(positions) for positions, _ in rows)
        padded = [([*p, *[-1] * (width - len(p))], [*s, *[0] * (width - len(s))]) for p, s in rows]
        queries = [f"q{i}" for i in range(len(rows))]
        run = canonical(hits([p for p, _ in padded], [s for _, s in padded]), queries, DOCS, width)
        path = tmp_path_factory.getbasetemp() / name
        write_trec(run, path, "tag")
        assert read_trec(path) == run

    @pytest.mark.parametrize("score", [3.4028235e38, -3.4028235e38, 1e-45, 1 / 3])
    def test_extreme_scores_come_back(self, tmp_path, score):
        run = run_of({"q": [("a", np.float32(score))]})
        write_trec(run, tmp_path / "x.run", "tag")
        assert read_trec(tmp_path / "x.run") == run

    def test_equal_runs_give_equal_bytes_under_any_name(self, tmp_path):
        for name in ("one.run.gz", "two.run.gz"):
            write_trec(SMALL, tmp_path / name, "tag")
        first, second = ((tmp_path / name).read_bytes() for name in ("one.run.gz", "two.run.gz"))
        assert first == second
        assert first[4:8] == b"\0\0\0\0"  # RFC 1952: no time
        assert first[3] == 0  # no file name
        assert sorted(path.name for path in tmp_path.iterdir()) == ["one.run.gz", "two.run.gz"]

    def test_trec_eval_reads_it_the_same(self, tmp_path):
        write_trec(run_of({"q1": [("b", 0.1), ("a", 0.1)], "q2": [("é", 2)]}), tmp_path / "x.run", "tag")
        with (tmp_path / "x.run").open(encoding="utf-8") as file:
            assert pytrec_eval.parse_run(file) == {"q1": {"a": 0.1, "b": 0.1}, "q2": {"é": 2.0}}

    def test_a_query_without_documents_leaves_no_line(self, tmp_path):
        write_trec(run_of({"q1": [], "q2": [("a", 1)]}), tmp_path / "x.run", "tag")
        assert read_trec(tmp_path / "x.run") == run_of({"q2": [("a", 1)]})

    def test_scores_decide_and_ranks_do_not(self, tmp_path):
        lines = "q2 0 x 7 1 t\nq1 Q0 a 1 1.00000000001 t\nq1\tQ0  b 2 1 t\nq2 Q0 y 1 1e0 t\nq1 Q0 c 3 5 t\n"
        (tmp_path / "x.run").write_text(lines)
        assert read_trec(tmp_path / "x.run") == run_of(
            {"q2": [("y", 1), ("x", 1)], "q1": [("c", 5), ("b", 1), ("a", 1)]}
        )

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("q1 Q0 a 1 0.5", "not a line of"),
            ("q1 Q0 a 1 0.5 tag more", "not a line of"),
            ("q1 Q0 a 1 high tag", "not a line of"),
            ("", "not a line of"),
            ("q1 Q0 a 1 nan tag", "score nan is not a finite float32"),
            ("q1 Q0 a 1 -inf tag", "score -inf is not"),
            ("q1 Q0 a 1 3.41e38 tag", "score 3.41e38 is not"),
            ("q0 Q0 a 2 0.1 tag", "document 'a' stands twice for query 'q0'"),
            ("q1 Q0 \udcff 1 0.5 tag", "not a line of"),
        ],
    )
    def test_a_damaged_line_is_named(self, tmp_path, line, message):
        path = tmp_path / "x.run"
        path.write_bytes(f"q0 Q0 a 1 0.5 tag\n{line}\n".encode(errors="surrogateescape"))
        with pytest.raises(DataError, match=f"x.run:2: {message}"):
            read_trec(path)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(DataError, match=r"cannot read .*none.run: No such file"):
            read_trec(tmp_path / "none.run")

    @pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b"no gzip", lambda b: b[:12] + b"\xff" + b[13:]])
    def test_a_damaged_archive_is_named(self, tmp_path, damage):
        path = tmp_path / "x.run.gz"
        path.write_bytes(damage(gzip.compress(b"q1 Q0 a 1 0.5 tag\nq2 Q0 a 1 0.5 tag\n")))
        with pytest.raises(DataError, match=r"cannot read .*x\.run\.gz"):
            read_trec(path)

    @pytest.mark.parametrize(
        ("run", "tag", "message"),
        [
            (run_of({"q 1": [("a", 1)]}), "tag", "query id 'q 1'"),
            (run_of({"q": [("a\nb", 1)]}), "tag", r"document id 'a\\nb'"),
            (run_of({"q": [("", 1)]}), "tag", "document id ''"),
            (SMALL, "my tag", "tag 'my tag'"),
        ],
    )
    def test_an_id_that_would_break_the_columns_is_refused_and_nothing_written(self, tmp_path, run, tag, message):
        with pytest.raises(DataError, match=message):
            write_trec(run, tmp_path / "x.run", tag)
        assert not list(tmp_path.iterdir())


def test_runs_are_values():
    rows = {"q1": [("b", 0.1), ("a", 0.1)], "q2": [("c", 2)]}
    assert run_of(rows) == run_of(rows)
    assert hash(run_of(rows)) == hash(run_of(rows))
    assert run_of(rows) != run_of({**rows, "q2": [("c", 3)]})
    assert run_of(rows) != run_of({**rows, "q2": [("d", 2)]})
    assert run_of(rows) != rows
