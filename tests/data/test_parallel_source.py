"""Parallel corpora: line n asks what line n of the other file answers."""

import gzip
import hashlib

import pytest
from loopback import served

from bench.data.load import open_dataset
from bench.errors import DataError


@pytest.fixture
def opened(tmp_path):
    return lambda reference: open_dataset(f"parallel:{reference}", cache=tmp_path / "cache")


@pytest.fixture
def written(tmp_path):
    """Writes two aligned files and gives their paths."""

    def write(questions, solutions, names=("all.nl", "all.cm")):
        paths = [tmp_path / name for name in names]
        for path, lines in zip(paths, (questions, solutions), strict=True):
            content = "".join(f"{line}\n" for line in lines).encode()
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return paths

    return write


def pairs(data):
    """Question -> its solutions, over all splits."""
    texts = {doc.id: doc.text for doc in data.corpus}
    return {
        query.text: [texts[doc] for doc in split.qrels[query.id]]
        for split in (data.train, data.dev, data.test)
        for query in split.queries
    }


def test_lines_of_the_same_number_belong_together(written, opened, topics):
    questions, solutions = written(*zip(*topics, strict=True))
    data = opened(f"{questions},solutions={solutions}")
    assert data.name == "all"
    assert pairs(data) == {question: [solution] for question, solution in topics}


def test_gzipped_files_give_the_same(written, opened, topics):
    plain = written(*zip(*topics, strict=True))
    packed = written(*zip(*topics, strict=True), names=("all.nl.gz", "all.cm.gz"))
    first, second = (opened(f"{questions},solutions={solutions}") for questions, solutions in (plain, packed))
    assert second.fingerprint == first.fingerprint
    assert second.name == "all"


def test_one_command_with_several_descriptions_is_one_document_on_one_side(written, opened, topics):
    shared = [(f"wording {i} xi{i} nu{i}", "ls -l") for i in range(3)]
    questions, solutions = written(*zip(*topics, *shared, strict=True))
    data = opened(f"{questions},solutions={solutions}")
    assert len(data.corpus) == 51
    texts = {query.id: query.text for split in (data.train, data.dev, data.test) for query in split.queries}
    assert len({group for query, group in data.groups.items() if texts[query].startswith("wording")}) == 1


def test_a_blank_line_is_a_pair_left_out_and_moves_no_other(written, opened, topics):
    rows = [topics[0], ("", "orphan command"), ("asked but not answered", " "), *topics[1:]]
    questions, solutions = written(*zip(*rows, strict=True))
    data = opened(f"{questions},solutions={solutions}")
    assert pairs(data) == {question: [solution] for question, solution in topics}
    assert data.facts["dropped"] == "1 pairs without a question; 1 pairs without a solution"


@pytest.mark.parametrize(("asked", "answered"), [(50, 49), (48, 50)])
def test_files_of_different_length_are_one_error_with_both_counts(written, opened, topics, asked, answered):
    questions, solutions = written([q for q, _ in topics[:asked]], [a for _, a in topics[:answered]])
    with pytest.raises(DataError, match=rf"all\.nl has {asked} lines, .*all\.cm has {answered} lines; ") as caught:
        opened(f"{questions},solutions={solutions}")
    assert "\n" not in str(caught.value)


def test_damage_names_file_and_line(written, opened, topics):
    questions, solutions = written(*zip(*topics, strict=True))
    lines = solutions.read_bytes().split(b"\n")
    lines[6] = b"caf\xe9"
    solutions.write_bytes(b"\n".join(lines))
    with pytest.raises(DataError, match=r"all\.cm:7: not UTF-8"):
        opened(f"{questions},solutions={solutions}")
    with pytest.raises(DataError, match=r"none\.cm: cannot be read"):
        opened(f"{questions},solutions={solutions.with_name('none.cm')}")


def test_the_solutions_are_required(written, opened, topics):
    questions, _ = written(*zip(*topics, strict=True))
    with pytest.raises(DataError, match="solutions"):
        opened(str(questions))


def test_addresses_are_fetched_once_each_held_to_its_checksum(tmp_path, written, opened, topics):
    folder = tmp_path / "site"
    folder.mkdir()
    paths = [path.rename(folder / path.name) for path in written(*zip(*topics, strict=True))]
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]

    with served(folder) as base:
        both = f"{base}/all.nl?token=s3cret,solutions={base}/all.cm"
        with pytest.raises(DataError, match=r"all\.cm: sha256 is .*, expected 00"):
            opened(f"{both},checksum_solutions=sha256:{'0' * 64}")
        told = f"{both},checksum_questions=sha256:{sums[0]},checksum_solutions=sha256:{sums[1]}"
        data = opened(told)
        for path in paths:
            path.unlink()
        assert opened(told).fingerprint == data.fingerprint
    assert pairs(data) == {question: [solution] for question, solution in topics}
    assert data.facts["addresses"] == f"{base}/all.nl, {base}/all.cm"
