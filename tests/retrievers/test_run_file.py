"""A run file of another system stands where a retriever stands: same order, same scores, its faults named by line."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.api import Doc, Env, Query, opaque_id
from bench.build import build
from bench.errors import DataError, SpecError
from bench.measure.ranking import canonical, read_trec, write_trec
from bench.plugins import find
from bench.spec import Unit

DOCS = [Doc(f"d{at}", "") for at in range(5)]
QUERIES = [Query("q1", ""), Query("q2", "")]


def run_file(path):
    return build(Unit.of("run-file", path=path), find())


@pytest.fixture
def written(tmp_path):
    def write(text, name="x.run"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.mark.parametrize("name", ["x.run", "x.run.gz"])
def test_scores_order_the_hits_whatever_the_ranks_say(written, name):
    path = written("q1 Q0 d3 1 0.5 mine\nq1 Q0 d1 2 0.9 mine\nq2 Q0 d4 1 7 mine\n", name)
    system = run_file(path)
    system.index(DOCS, Env())
    hits = system.search(QUERIES, 10)
    assert hits.positions.tolist() == [[1, 3], [4, -1]]
    assert hits.scores[0].tolist() == [np.float32(0.9), 0.5]
    assert system.learned["tags"] == ["mine"]
    assert not system.live
    assert system.search(QUERIES, 1).positions.tolist() == [[1], [4]]


def test_opaque_ids_and_escaped_blanks_are_recognised(written):
    system = run_file(written("a%20b Q0 c%20d 1 1 t\n"))
    system.index([Doc(opaque_id("document", "c d"), "")], Env())
    assert system.search([Query(opaque_id("query", "a b"), "")], 5).positions.tolist() == [[0]]
    swapped = run_file(written("a%20b Q0 c%20d 1 1 t\n"))
    swapped.index([Doc(opaque_id("query", "c d"), "")], Env())
    assert swapped.search([Query(opaque_id("query", "a b"), "")], 5).positions.shape == (1, 0)


def test_documents_outside_the_pool_are_left_out_and_counted(written):
    system = run_file(written("q1 Q0 elsewhere 1 9 t\nq1 Q0 d0 2 1 t\n"))
    system.index(DOCS, Env())
    assert system.search(QUERIES, 5).positions.tolist() == [[0], [-1]]
    assert system.learned["hits outside the pool"] == 1


def test_equal_scores_keep_the_order_of_the_corpus_also_where_they_are_cut(written):
    lines = [f"q1 Q0 d{at} 1 {0.5 + at * 1e-12} t" for at in (4, 2, 0, 3)]  # equal as float32
    system = run_file(written("\n".join(lines)))
    system.index(DOCS, Env())
    assert system.search(QUERIES[:1], 2).positions.tolist() == [[0, 2]]


def test_another_file_is_another_system(written):
    one = run_file(written("q1 Q0 d0 1 1 t\n"))
    before = one.content()
    written("q1 Q0 d1 1 1 t\n")
    assert one.content() != before


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("q1 Q0 d1 1 0.5", "not a line of"),
        ("q1 Q0 d1 1 high t", "not a line of"),
        ("q1 Q0 d1 1 nan t", "not a finite"),
        ("q1 Q0 d1 1 1e99 t", "not a finite"),
        ("q1 Q0 d0 2 3 t", "twice"),
    ],
)
def test_damaged_lines_are_named(written, line, problem):
    path = written(f"q1 Q0 d0 1 1 t\n{line}\n")
    with pytest.raises(DataError, match=rf"x\.run:2: .*{problem}"):
        run_file(path).index(DOCS, Env())


def test_a_cut_archive_is_named(tmp_path):
    path = tmp_path / "x.run.gz"
    path.write_bytes(gzip.compress(b"q1 Q0 d0 1 1 t\n")[:-9])
    with pytest.raises(DataError, match="cannot read"):
        run_file(path).index(DOCS, Env())


def test_a_missing_file_is_refused_at_once():
    with pytest.raises(SpecError, match=r"there is no file \./none\.run"):
        run_file("./none.run")


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 4), st.floats(-10, 10, width=32)), unique_by=lambda x: x[0]),
        min_size=1,
        max_size=2,
    )
)
def test_it_ranks_as_reading_the_file_does(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("runs") / "x.run"
    lines = [f"q{n + 1} Q0 d{at} 0 {score} t\n" for n, row in enumerate(rows) for at, score in row]
    path.write_text("".join(lines), encoding="utf-8")
    system = run_file(path)
    system.index(DOCS, Env())
    known = [query for query, row in zip(QUERIES, rows, strict=False) if row]
    if known:
        found = canonical(system.search(known, 5), [query.id for query in known], [doc.id for doc in DOCS], 5)
        write_trec(found, path.with_suffix(".out"), "t")
        assert read_trec(path.with_suffix(".out")) == read_trec(path)
