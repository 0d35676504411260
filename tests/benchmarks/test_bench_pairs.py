"""Speed of opening one's own pairs: a file of them is read, grouped, split and audited."""

import json

import numpy as np
import pytest

from bench.data.audit import audit
from bench.data.load import open_dataset
from bench.data.tables.records import json_lines
from bench.data.tables.rows import delimiter_of, table_rows

_PAIRS = 30_000


def _texts(count, words, source):
    """Texts of about so many words, whose frequencies fall off as in language; one in fifty is another's near duplicate."""
    ranks = (200_000 ** source.random((count, words))).astype(int)
    copies = np.flatnonzero(source.random(count - 1) < 0.02)
    ranks[copies + 1, 1:] = ranks[copies, 1:]
    return [" ".join(f"w{rank}" for rank in row) for row in ranks.tolist()]


@pytest.fixture(scope="module")
def pairs():
    source = np.random.default_rng(0)
    return list(zip(_texts(_PAIRS, 10, source), _texts(_PAIRS, 60, source), strict=True))


@pytest.fixture
def jsonl(tmp_path, pairs):
    path = tmp_path / "pairs.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"question": q, "solution": s}) + "\n" for q, s in pairs)
    return path


def test_reading_30000_pairs(benchmark, jsonl):
    assert benchmark(lambda: sum(1 for _ in json_lines(jsonl))) == _PAIRS


def test_reading_a_table_whose_separator_is_to_be_found(benchmark, tmp_path, pairs):
    path = tmp_path / "pairs.csv"
    lines = ["question, short;solution, long", *(f"{q};{s}" for q, s in pairs)]
    path.write_text("\n".join(lines), encoding="utf-8")
    count = benchmark(lambda: sum(1 for _ in table_rows(path, "utf-8", delimiter_of(path, "utf-8"))))
    assert count == _PAIRS


def test_opening_and_auditing_30000_pairs(benchmark, jsonl, tmp_path):
    folders = iter(range(100))

    def opened():
        data = open_dataset(f"pairs:{jsonl}", cache=tmp_path / str(next(folders)))
        return len(data.corpus), audit(data, data.pool)

    documents, findings = benchmark.pedantic(opened, rounds=2)
    assert 0.99 * _PAIRS < documents <= _PAIRS
    assert findings
