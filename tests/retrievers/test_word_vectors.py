"""Word vectors of a file: every format gives the same vectors, and what is missing is told."""

import gzip
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors
from gensim.models.fasttext import load_facebook_vectors, save_facebook_model
from pair_examples import ENV, synonyms

from bench.build import build
from bench.errors import DataError, SpecError
from bench.plugins import find
from bench.spec import Unit, parse
from retrievers.gru import GRU
from retrievers.neural.vector_files import layout, read
from retrievers.neural.vocabulary import Vocabulary
from retrievers.neural.word_vectors import _row_finder, forms, vectors_of_file
from retrievers.text.analysis import Analyzer

WORDS = ["the", "running", "Run", "operation", "oper", "</s>", "tensor_flow", "été", "tensor"]
TABLE = np.random.default_rng(0).standard_normal((len(WORDS), 6)).astype(np.float32)
ANALYZE = Analyzer(stop="none")


@pytest.fixture(scope="module")
def keyed():
    vectors = KeyedVectors(6)
    vectors.add_vectors(WORDS, TABLE)
    return vectors


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.bin"
    texts = [[f"word{a}", f"word{b}", "running"] for a in range(6) for b in range(6)]
    save_facebook_model(
        FastText(texts, vector_size=8, min_count=1, bucket=500, epochs=1, workers=1, min_n=3, max_n=4), str(path)
    )
    return path


def vocabulary(*words, buckets=3):
    return Vocabulary.build([words] * 2, buckets=buckets)


def found(path, words, dimensions=6, **options):
    known = vocabulary(*words)
    vectors, facts = vectors_of_file(
        path,
        known,
        [known.encode_all([words])],
        ANALYZE,
        dimensions=dimensions,
        rng=np.random.default_rng(1),
        **options,
    )
    return {word: vectors[row] for row, word in enumerate(known.words, start=4)}, vectors, facts


def write(keyed, path):
    """The words of ``WORDS`` in the format that the name says."""
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    keyed.save_word2vec_format(str(plain), binary=plain.suffix == ".bin", write_header="bare" not in path.name)
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


@pytest.mark.parametrize("name", ["a.vec", "a.bin", "bare.txt", "a.vec.gz", "a.bin.gz", "bare.txt.gz"])
def test_every_format_is_recognised_and_gives_the_same_vectors(keyed, tmp_path, name):
    path = write(keyed, tmp_path / name)
    how = layout(path)
    assert how == ("binary" if ".bin" in name else "text", 6, "bare" not in name)
    words, places = read(path, how)
    assert (words.index_to_key, places) == (WORDS, list(range(9)))
    np.testing.assert_allclose(words.vectors, TABLE, atol=1e-6)


def test_a_line_may_end_in_a_blank_as_those_of_fasttext_do(tmp_path):
    path = tmp_path / "a.vec"
    path.write_text("2 2\nred 1 2 \nblue 3 4 \n", encoding="utf-8")
    assert read(path, layout(path))[0].vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("name", ["a.vec", "bare.txt", "a.vec.gz"])
def test_of_a_text_only_what_is_wanted_is_parsed_and_keeps_its_place(keyed, tmp_path, name):
    path = write(keyed, tmp_path / name)
    words, places = read(path, layout(path), lambda word: "r" in word)
    assert words.index_to_key == ["running", "operation", "oper", "tensor_flow", "tensor"]
    assert places == [1, 3, 4, 6, 8]
    np.testing.assert_allclose(words.vectors, TABLE[places], atol=1e-6)


def test_a_term_is_the_mean_of_its_words_each_by_one_over_its_rank():
    known = vocabulary("the", "run", "oper", "s", "tensor", "été", "cat")
    weights = forms(WORDS, range(9), _row_finder(known, ANALYZE), len(known)).toarray()
    of = dict(zip(sorted(["the", "run", "oper", "s", "tensor", "été", "cat"]), weights[4:], strict=True))
    assert np.flatnonzero(of["run"]).tolist() == [1, 2]
    assert of["run"][[1, 2]] == pytest.approx([(1 / 2) / (1 / 2 + 1 / 3), (1 / 3) / (1 / 2 + 1 / 3)])
    assert of["oper"][[3, 4]] == pytest.approx([5 / 9, 4 / 9])  # operation counts for more than the rarer oper
    assert of["tensor"].tolist() == [0] * 8 + [1]  # tensor_flow is two terms
    assert not of["s"].any()  # </s> ends sentences
    assert not of["cat"].any()
    assert not weights[:4].any()  # neither padding nor hash buckets


def test_what_is_found_keeps_its_directions_and_gets_the_deviation_of_the_house(keyed, tmp_path):
    of, vectors, _ = found(write(keyed, tmp_path / "a.vec"), ["the", "tensor", "été", "cat"])
    rows = TABLE[[0, 8, 7]]
    expected = rows * 0.1 / rows.std()
    np.testing.assert_allclose([of["the"], of["tensor"], of["été"]], expected, rtol=1e-4)
    assert vectors.dtype == np.float32
    assert vectors.shape == (8, 6)
    assert not vectors[0].any()
    assert vectors[1:4].any(axis=1).all()  # the buckets are random
    assert of["cat"].any()


def test_what_is_missing_is_told(keyed, tmp_path):
    known = vocabulary("the", "the", "the", "cat", "cat", "tensor", "dog")
    texts = known.encode_all([["the", "cat"], ["the", "dog", "hapax"], ["tensor"], ["cat"]])
    _, facts = vectors_of_file(
        write(keyed, tmp_path / "a.bin"), known, [texts], ANALYZE, dimensions=6, rng=np.random.default_rng(0)
    )
    assert facts == {
        "file": "a.bin",
        "dimensions": 6,
        "found": 2,
        "missing": 2,
        "missing part of tokens": 0.5714,  # cat twice, dog and the one in a bucket, of seven
        "most frequent missing": ["cat", "dog"],
    }


def test_a_fasttext_model_has_vectors_for_words_it_never_saw(model_file):
    of, _, facts = found(model_file, ["word1", "run", "runningx"], dimensions=8)
    words = load_facebook_vectors(str(model_file))
    assert layout(model_file) == ("fasttext", 8, False)
    # "word1" is cut into word and 1, so that none of the model's words is a term of its own but running
    expected = {"word1": words["word1"], "run": words["running"], "runningx": words["runningx"]}
    scale = 0.1 / np.std(list(expected.values()))
    for word, vector in expected.items():
        np.testing.assert_allclose(of[word], vector * scale, rtol=1e-4, err_msg=word)
    assert (facts["found"], facts["missing"], facts["from parts of words"]) == (3, 0, 2)


MAGIC = struct.pack("<2i", 793712314, 12)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("prose.txt", b"It was a dark night\nand so on\n", "no word vectors"),
        ("empty.vec", b"", "no word vectors"),
        ("few.vec", b"5 2\nred 1 2\nblue 3 4\n", "damaged: unexpected end"),
        ("many.vec", b"5000000 300\nred 1 2\n", "too short for the 5000000 words"),
        ("cut.vec", b"2 3\nred 1 2 3\nblue 3 4\n", "damaged"),
        ("word.vec", b"2 2\nred 1 2\nblue 3 x\n", "damaged: could not convert"),
        ("nan.vec", b"2 2\nred 1 2\nblue 3 nan\n", "no numbers"),
        ("cut.bin", b"3 2\nred " + struct.pack("<2f", 1.1, 2.2) + b"blue " + b"\0\0", "damaged: unexpected end"),
        ("cut.vec.gz", gzip.compress(b"2 2\nred 1 2\nblue 3 4\n")[:-12], "damaged|cannot read"),
        ("plain.gz", b"2 2\nred 1 2\nblue 3 4\n", "cannot read"),
        ("packed.bin.gz", gzip.compress(MAGIC + bytes(100)), "unpack it"),
        ("short.bin", MAGIC + struct.pack("<i", 2), "damaged"),
        ("other.vec", b"2 2\nrouge 1 2\nblau 3 4\n", "holds none of the 2 words"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, content, problem):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem) as caught:
        found(path, ["red", "blue"], dimensions=layout(path).dimensions)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def parts(model_file):
    """Of a model file: its bytes, where the matrix of vectors begins (its type and size before it), where that ends."""
    whole, words = model_file.read_bytes(), load_facebook_vectors(str(model_file))
    end = len(whole) - 17 - 4 * 8 * len(words)  # the matrix of the outputs is not read
    return whole, end - 17 - 4 * 8 * (len(words) + len(words.vectors_ngrams)), end


def test_a_fasttext_model_that_was_cut_off_is_named(parts, tmp_path):
    whole, begin, end = parts
    path = tmp_path / "cut.bin"
    for kept in (60, 80, 95, begin - 3, begin + 10, end - 1):  # header, sizes, within a word, counts, sizes, numbers
        path.write_bytes(whole[:kept])
        with pytest.raises(DataError, match="damaged"):
            read(path, layout(path))
    path.write_bytes(whole[:end])
    assert "running" in read(path, layout(path))[0]


def test_a_quantised_fasttext_model_is_refused(parts, tmp_path):
    whole, begin, _ = parts
    path = tmp_path / "small.ftz"
    path.write_bytes(whole[:begin] + b"\1" + whole[begin + 1 :])
    with pytest.raises(DataError, match="quantised"):
        read(path, layout(path))


def test_another_number_of_dimensions_is_refused_with_the_right_one(keyed, tmp_path):
    path = write(keyed, tmp_path / "a.vec")
    with pytest.raises(DataError, match="6 dimensions: give dimensions=6"):
        found(path, ["the"], dimensions=256)


def test_a_retriever_starts_from_the_file_and_can_be_stored(tmp_path):
    pairs = synonyms(np.random.default_rng(0), 80)
    path = tmp_path / "words.vec"
    path.write_text(
        "2 16\n" + "".join(f"ask{c} {'0.5 ' * 15}{s}\n" for c, s in (("red", 1), ("cat", 2))), encoding="utf-8"
    )
    system = build(parse(f"gru:vectors={path}:dimensions=16:hidden=8:epochs=1"), find())
    system.fit(pairs, pairs, ENV)
    assert system.learned["vectors"]["found"] == 2
    assert "replyr" not in system.learned["vectors"]["most frequent missing"]
    assert len(system.learned["vectors"]["most frequent missing"]) == 20
    (folder := tmp_path / "stored").mkdir()
    system.save(folder)
    other = GRU(vectors=str(path), dimensions=16, hidden=8, epochs=1)
    other.load(folder)
    assert other.learned == system.learned
    for one in (system, other):
        one.index(pairs.corpus, ENV)
    assert np.array_equal(system.search(pairs.queries, 5).positions, other.search(pairs.queries, 5).positions)


def test_another_file_is_another_system(tmp_path):
    path = tmp_path / "a.vec"
    path.write_text("1 2\nred 1 2\n", encoding="utf-8")
    system = GRU(vectors=str(path))
    before = system.content()
    path.write_text("1 2\nred 1 3\n", encoding="utf-8")
    assert before
    assert system.content() != before
    assert GRU().content() == ""


def test_a_missing_file_and_a_missing_library_are_named(monkeypatch, tmp_path):
    with pytest.raises(SpecError, match=r"there is no file \./none\.vec"):
        build(Unit.of("gru", vectors="./none.vec"), find())
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(DataError, match=r"need gensim.*retrieverbench\[vectors\]"):
        GRU(vectors=str(Path(__file__)))
    GRU()
