"""tldr-pages: what their style guide and the specification for clients say of pages, and what becomes of it."""

import zipfile

import pytest
from loopback import served

from bench.data.load import open_dataset
from bench.errors import DataError

TAR = """# tar

> Archiving utility.
> More information: <https://example.org/tar>.

- E[x]tract a (compressed) archive into the current directory [v]erbosely:

`tar xvf {{path/to/source.tar}}`

- [l]ist what `stdin` holds:

`tar {{[-t|--list]}}`
"""


def page(name, *examples):
    return f"# {name}\n\n> About it.\n\n" + "\n".join(f"- {asked}:\n\n`{command}`\n" for asked, command in examples)


@pytest.fixture
def repository(tmp_path):
    """Writes a copy of the repository: 40 pages of words of their own, and those that are given by path."""

    def write(pages, base="tldr/pages"):
        folder = tmp_path / base
        several = {
            f"common/own{i}.md": page(f"own{i}", (f"alpha{i} beta{i}", f"run{i} chi{i} psi{i}")) for i in range(40)
        }
        for name, text in {**several, **pages}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / base.partition("/")[0]

    return write


@pytest.fixture
def opened(tmp_path):
    return lambda reference: open_dataset(f"tldr:{reference}", cache=tmp_path / "cache")


def answers(data):
    """Question -> its commands, over all splits."""
    texts = {doc.id: doc.text for doc in data.corpus}
    return {
        query.text: {texts[doc] for doc in split.qrels[query.id]}
        for split in (data.train, data.dev, data.test)
        for query in split.queries
    }


def test_descriptions_ask_and_commands_answer(repository, opened):
    data = opened(repository({"common/tar.md": TAR}))
    found = answers(data)
    assert len(found) == 42
    assert found["Extract a (compressed) archive into the current directory verbosely"] == {
        "tar xvf path/to/source.tar"
    }
    assert found["list what stdin holds"] == {"tar --list"}
    assert all(not doc.title for doc in data.corpus)
    assert {doc.id for doc in data.corpus} >= {"common/tar:1", "common/tar:2"}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        # The three examples of the client specification, version 2.1.
        ("ping {{example.com}}", "ping example.com"),
        (
            r"docker inspect --format '\{\{range.NetworkSettings.Networks\}\}\{\{.IPAddress\}\}\{\{end\}\}' {{container}}",
            "docker inspect --format '{{range.NetworkSettings.Networks}}{{.IPAddress}}{{end}}' container",
        ),
        (r"mount \\{{computer_name}}\{{share_name}} Z:", r"mount \\computer_name\share_name Z:"),
        ("7z a -t{{7z|bzip2}} {{path/to/archive.7z}}", "7z a -t7z|bzip2 path/to/archive.7z"),
        ("cmd {{[-s|--long]}} {{[--other|-o]}}", "cmd --long --other"),
        ("echo {{{a,b}}}", "echo {a,b}"),
    ],
)
def test_placeholders_are_shown_as_clients_show_them_or_left(repository, opened, written, shown):
    folder = repository({"common/one.md": page("one", ("do the one thing", written))})
    assert answers(opened(folder))["do the one thing"] == {shown}
    assert answers(opened(f"{folder},placeholders=braces"))["do the one thing"] == {written}


def test_other_ways_to_write_code(repository, opened):
    text = (
        "# x\n\n> X.\n\n- show a tick:\n\n`` echo '`date`' ``\n\n- two\n  lines:\n\n`ls`\n\n"
        "- a block:\n\n```sh\nfor i in 1 2; do\n  echo\ndone\n```\n"
    )
    found = answers(opened(repository({"linux/x.md": text})))
    assert found["show a tick"] == {"echo '`date`'"}
    assert found["two lines"] == {"ls"}
    assert found["a block"] == {"for i in 1 2; do\n  echo\ndone"}


def test_a_command_is_one_group_whatever_the_platform(repository, opened):
    examples = [(f"omega{i} task{i}", f"own0 --flag{i}") for i in range(3)]
    data = opened(
        repository({f"{name}/own0.md": page("own0", examples[i]) for i, name in enumerate(("osx", "linux", "sunos"))})
    )
    assert len({data.groups[f"{name}/own0:1"] for name in ("osx", "linux", "sunos", "common")}) == 1
    assert data.facts["pages"] == "40 common, 1 linux, 1 osx, 1 sunos"


def test_aliases_are_left_out_but_not_the_pages_of_tldr_itself(repository, opened):
    alias = page("vi", ("View documentation for the original command", "tldr vim"))
    own = page("tldr", ("Print a page", "tldr {{command}}"))
    data = opened(repository({"common/vi.md": alias, "common/tldr.md": own}))
    assert "View documentation for the original command" not in answers(data)
    assert answers(data)["Print a page"] == {"tldr command"}
    assert data.facts["dropped"].startswith("1 examples of aliases")


def test_a_language_is_chosen_by_its_folder(repository, opened):
    repository({}, base="tldr/pages")
    folder = repository(
        {"common/tar.md": page("tar", ("Archiv entpacken\N{FULLWIDTH COLON}", "tar xf {{datei}}"))},
        base="tldr/pages.de",
    )
    assert answers(opened(f"{folder},pages=pages.de"))["Archiv entpacken"] == {"tar xf datei"}
    assert "Archiv entpacken" not in answers(opened(folder))
    with pytest.raises(DataError, match=r"no pages; .*pages\.xx/common"):
        opened(f"{folder},pages=pages.xx")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# x\n\n> X.\n\n- asked:\n\n- asked too:\n\n`x`\n", "x.md:5: an example without a command"),
        ("# x\n\n> X.\n\n- asked:\n", "x.md:5: an example without a command"),
        ("# x\n\n> X.\n\n`x`\n", "x.md:5: a command without"),
        ("# x\n\n- asked:\n\n`x\n", "x.md:5: '`x' is no command between backticks"),
        ("# x\n\n- asked:\n\n``\n", "x.md:5: '``' is no command"),
        ("# x\n\n- asked:\n\n```\nx\n", "x.md:6: a block of code that does not end"),
        ("<html>\n", "x.md:1: '<html>' is no part of a page"),
    ],
)
def test_damage_names_page_and_line(repository, opened, text, told):
    with pytest.raises(DataError) as caught:
        opened(repository({"common/x.md": text}))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_renamed_page_is_another_collection(repository, opened):
    folder = repository({"common/tar.md": TAR})
    before = opened(folder)
    (folder / "pages" / "common" / "tar.md").rename(folder / "pages" / "common" / "zz.md")
    assert opened(folder).fingerprint != before.fingerprint


def test_the_archive_of_a_language_behind_an_address_gives_what_its_folder_gives(tmp_path, repository, opened):
    folder = repository({"common/tar.md": TAR})
    site = tmp_path / "site"
    site.mkdir()
    with zipfile.ZipFile(site / "tldr-pages.en.zip", "w") as file:
        file.writestr("LICENSE.md", "The licence.")
        for path in sorted((folder / "pages").glob("*/*.md")):
            file.write(path, path.relative_to(folder / "pages"))

    with served(site) as base:
        data = opened(f"{base}/tldr-pages.en.zip")
    assert data.fingerprint == opened(folder).fingerprint
    assert data.fingerprint == opened(site / "tldr-pages.en.zip").fingerprint
