"""CodeSearchNet: the published layout and schema, its splits, and code that does not hold its own question."""

import gzip
import hashlib
import json
import zipfile

import pytest
from loopback import served

from bench.data.card import Card, SourceSpec, SplitRule, TextRule
from bench.data.load import open_dataset
from bench.data.source import Opening
from bench.data.sources.code_search_net import CodeSearchNet
from bench.errors import DataError

# The example row of the collection's README.
README = {
    "code": (
        'def get_vid_from_url(url):\n        """Extracts video ID from URL.\n        """\n'
        "        return match1(url, r'youtu\\.be/([^?/]+)') or \\\n          parse_query_param(url, 'v')"
    ),
    "docstring": "Extracts video ID from URL.",
    "func_name": "YouTube.get_vid_from_url",
    "language": "python",
    "path": "src/you_get/extractors/youtube.py",
    "repo": "soimort/you-get",
}


def row(name, language="python", **others):
    code = f'def {name}(x):\n    """Do {name} task."""\n    return {name}_helper(x)'
    return {
        "code": code,
        "docstring": f"Do {name} task.",
        "language": language,
        "path": "a.py",
        "repo": "o/r",
        **others,
    }


@pytest.fixture
def archive(tmp_path):
    """Writes python.zip as it is published, from split -> files -> rows; 30 training rows unless given."""

    def write(language="python", **splits):
        folder = tmp_path / language / "final" / "jsonl"
        splits = {"train": [[row(f"train{i}") for i in range(30)]], "valid": [[row("valid")]], **splits}
        with zipfile.ZipFile(tmp_path / f"{language}.zip", "w") as file:
            file.writestr(f"{language}_dedupe_definitions_v2.pkl", b"never read")
            for split, files in splits.items():
                for number, rows in enumerate(files):
                    content = rows if isinstance(rows, bytes) else "".join(json.dumps(r) + "\n" for r in rows).encode()
                    path = folder / split / f"{language}_{split}_{number}.jsonl.gz"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(gzip.compress(content))
                    file.write(path, path.relative_to(tmp_path))
        return tmp_path / f"{language}.zip"

    return write


@pytest.fixture
def opened(tmp_path):
    return lambda reference: open_dataset(f"code-search-net:{reference}", cache=tmp_path / "cache")


def answers(split, data):
    texts = {doc.id: doc.text for doc in data.corpus}
    return {query.text: [texts[doc] for doc in split.qrels[query.id]] for query in split.queries}


def test_the_published_splits_are_kept(archive, opened):
    data = opened(archive(test=[[README]]))
    assert (len(data.train.queries), len(data.dev.queries), len(data.test.queries)) == (30, 1, 1)
    assert len(data.corpus) == 32
    (query,) = data.test.queries
    assert query.text == "Extracts video ID from URL."
    assert data.groups[query.id] == "soimort/you-get/src/you_get/extractors/youtube.py"


def test_code_has_no_docstring_and_keeps_the_rest(archive, opened):
    data = opened(archive(test=[[README]]))
    (code,) = answers(data.test, data)["Extracts video ID from URL."]
    assert code == README["code"].replace('        """Extracts video ID from URL.\n        """\n', "")


@pytest.mark.parametrize(
    ("code", "left"),
    [
        # Python 2, which today's parser refuses.
        (
            'def f(x):\n    # first\n    """Say it.\n\n    More."""\n    print x\n',
            "def f(x):\n    # first\n    print x",
        ),
        ("def f(x, y=(1,\n      2)):\n    'Say it.'; print x", "def f(x, y=(1,\n      2)):\n    print x"),
        (
            'def f(x):\n    """Say it."""\n    def g():\n        """Inner."""\n        return 1\n',
            "def f(x):\n    def g():\n        return 1",
        ),
        ('def f(x):\n    def g():\n        """Inner."""\n        return 1\n', None),
        ('def f(x):\n    """Say it."""', "def f(x):\n    pass"),
        ('def f(x):\r\n    """Say it."""\r\n    return 1', "def f(x):\n    return 1"),
    ],
)
def test_docstrings_of_any_python_are_cut_out(archive, opened, code, left):
    data = opened(archive(test=[[row("f", code=code, docstring="Say it.")]]))
    assert answers(data.test, data) == {"Say it.": [code.strip() if left is None else left]}


def test_what_cannot_be_told_apart_is_left_out_and_counted(archive, opened):
    odd = [
        row("a", code='def a(x):\n    print x\n    """Later."""\n'),
        row("b", code='def b(x:\n    """Open."""\n'),
        row("c", docstring=":param x: nothing is said"),
    ]
    data = opened(archive(test=[[README, *odd]]))
    assert [query.text for query in data.test.queries] == ["Extracts video ID from URL."]
    assert data.facts["left out"] == (
        "2 functions whose docstring cannot be told from the code; 1 functions whose documentation has no sentence"
    )


def test_the_question_is_the_first_paragraph(archive, opened):
    text = "Fetch the page\n    behind an address.\n\n    It may be large.\n\n    :param x: the address"
    data = opened(archive(test=[[row("f", docstring=text)]]))
    assert [query.text for query in data.test.queries] == ["Fetch the page behind an address."]


def test_code_of_other_languages_is_as_given(archive, opened):
    code = "func F(x int) int {\n\treturn x // 'quoted'\n}"
    rows = {name: [[row(name, language="go", code=f"{code} // {name}")]] for name in ("test", "valid", "train")}
    data = opened(archive("go", **rows))
    assert answers(data.test, data) == {"Do test task.": [f"{code} // test"]}


def test_equal_code_is_one_document(archive, opened):
    same = {"code": 'def f(x):\n    """D."""\n    return x'}
    data = opened(archive(test=[[row("f", **same), row("g", **same)]]))
    assert len(data.test.judged()) == 1
    assert len(data.test.queries) == 2


def test_training_pairs_are_read_up_to_the_limit_and_no_further(archive, opened):
    # The eleventh file comes after the tenth by number, though not by name; and what is not needed is not read.
    path = archive(train=[*([row(f"part{i}")] for i in range(11)), b"damaged\n"], test=[[README]])
    data = opened(f"{path},limit_train=11")
    assert [query.text for query in data.train.queries] == [f"Do part{i} task." for i in range(11)]
    few = opened(f"{path},limit_train=3")
    assert len(few.train.queries) == 3
    assert not any("part3" in doc.text for doc in few.corpus)
    with pytest.raises(DataError, match=r"python_train_11\.jsonl\.gz:1: not JSON"):
        opened(path)
    with pytest.raises(DataError, match="limit_train=-1 must be 0"):
        opened(f"{path},limit_train=-1")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"code": "x"}\n', "python_test_0.jsonl.gz:1: no 'language'"),
        (
            json.dumps({**README, "docstring": None}).encode(),
            "python_test_0.jsonl.gz:1: 'docstring' is None, not a text",
        ),
        (json.dumps(README).encode() + b"\n{", "python_test_0.jsonl.gz:2: not JSON"),
        (b"", "python_test_0.jsonl.gz: empty"),
    ],
)
def test_damage_names_file_and_line(archive, opened, content, told):
    with pytest.raises(DataError) as caught:
        opened(archive(test=[content]))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_archive_or_one_without_test_is_named(archive, opened, tmp_path):
    with pytest.raises(DataError, match=r"python\.zip: there must be one folder jsonl with test"):
        opened(archive())
    (tmp_path / "cut.zip").write_bytes(archive(test=[[README]]).read_bytes()[:-40])
    with pytest.raises(DataError, match=r"cut\.zip: damaged"):
        opened(tmp_path / "cut.zip")


def test_of_several_languages_one_must_be_given(archive, opened, tmp_path):
    archive("python", test=[[README]])
    archive("go", test=[[row("f", language="go")]])
    with pytest.raises(DataError, match=r"give one of go/final/jsonl, python/final/jsonl"):
        opened(tmp_path)
    assert len(opened(tmp_path / "python" / "final" / "jsonl").test.queries) == 1


def test_a_card_sets_the_least_words_and_the_dataset_is_split_as_published(archive, tmp_path):
    path = archive(test=[[README, row("f", docstring="Runs.")]])
    source = CodeSearchNet(str(path))
    card = Card("csn", "t", SourceSpec("code-search-net"), split=SplitRule("official"), text=TextRule(question_words=2))
    data = source.read(Opening(card, tmp_path, tmp_path / "cache", lambda _, __: None))
    assert [query.text for query in data.test.queries] == ["Extracts video ID from URL."]


def test_the_archive_is_fetched_and_held_to_its_checksum(archive, opened, tmp_path):
    path = archive(test=[[README]])

    with served(path.parent) as base:
        url = f"{base}/python.zip"
        with pytest.raises(DataError, match=r"python\.zip: sha256 is .*, expected 00"):
            opened(f"{url},checksum=sha256:{'0' * 64}")
        data = opened(f"{url},checksum=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
    assert data.fingerprint == opened(path).fingerprint
