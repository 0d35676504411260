"""The whole report: reproducible, void where a canary failed, sound whatever the texts hold."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from markdown_it import MarkdownIt

from bench.outcome import Answer, Outcome
from bench.report.console import overview
from bench.report.render import render
from bench.stored import outcome_from_json, record_from_json, to_json

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")

EVIL = "| `x` ``y``\n\n# h\n</details><script>alert(1)</script> <!-- &amp; **b** [a](b) \x00\x1b[31m \u202e \ud83d $x$ |\n```\n|---|"


@pytest.fixture(scope="module")
def run(rich_run):
    return rich_run


@pytest.fixture(scope="module")
def files(run):
    return render(*run)


def text_of(files):
    return files["report.md"].decode()


def test_the_same_run_gives_the_same_bytes(run, files):
    record, outcomes = run
    assert render(record, outcomes) == files


def test_the_order_in_which_outcomes_are_read_does_not_matter(run, files):
    record, outcomes = run
    assert render(record, outcomes[::-1]) == files


def test_a_stored_run_renders_the_same_bytes(run, files):
    record, outcomes = (json.loads(json.dumps(value)) for value in (to_json(run[0]), [*map(to_json, run[1])]))
    assert render(record_from_json(record), [outcome_from_json(outcome) for outcome in outcomes]) == files


def test_files_and_the_figures_shown_are_the_same(files):
    shown = re.findall(r"^!\[.+\]\((.+)\)$", text_of(files), re.MULTILINE)
    assert ["report.md", *shown] == list(files)


def test_the_answer_comes_first(files):
    title, _, answer = text_of(files).split("\n")[:3]
    assert title == "# Which retriever to ship for python-docs"
    assert answer.startswith("**Interrupted run, of what finished: `bm25+gru` scores highest.**"), (
        "`slow` was interrupted"
    )


def test_a_failed_canary_voids_the_report_in_its_first_line(run):
    record, outcomes = run
    canaries = {**record.canaries, "oracle": (False, "expected 1, measured .98 | *")}
    text = text_of(render(replace(record, canaries=canaries), outcomes))
    first = text.split("\n")[0]
    assert first.startswith("**VOID:")
    assert "`oracle` failed: expected 1, measured .98 | \\*." in first
    assert "Ship" not in text


def test_sections_follow_each_other_and_nothing_else_is_a_heading(files):
    tokens = PARSER.parse(text_of(files))
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings[1:] == [
        "Quality", "Where does neural beat lexical?", "Latency", "Cost", "Sample questions", "Details"
    ]  # fmt: skip


def test_every_row_of_every_table_has_all_its_cells(files):
    """A parser pads short rows and drops what is too much, so the source is counted."""
    lines = [line for line in text_of(files).splitlines() if line.startswith("|") or not line]
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    assert sum(width > 0 for width in widths) > 40
    assert all(before == after for before, after in pairwise(widths) if before and after)


def test_folds_are_closed(files):
    text = text_of(files)
    assert text.count("<details>") == text.count("<summary>") == text.count("</summary>") == text.count("</details>")


def hostile(run):
    """The same run with every foreign text replaced by the worst one."""
    record, outcomes = run
    answers = ((Answer("d", EVIL, True),), (Answer("d", EVIL, False), Answer("e", EVIL, True)))
    evil = [
        replace(
            o,
            description=EVIL,
            failure=EVIL if o.failure else "",
            learned={EVIL: EVIL},
            answers=answers,
            identity={name: dict.fromkeys(parts, EVIL) for name, parts in o.identity.items()},
        )
        for o in outcomes
    ]
    samples = tuple((index, EVIL, EVIL) for index, _, _ in record.samples)
    texts = {"command": EVIL, "dataset": EVIL, "name": EVIL, "facts": {EVIL: EVIL}, "environment": {EVIL: EVIL}}
    texts["audit"] = tuple(
        replace(f, name=f"{EVIL}{f.name}", meaning=EVIL, examples=tuple((EVIL, EVIL) for _ in f.examples))
        for f in record.audit
    )
    texts["contrasts"] = tuple(
        replace(c, question=EVIL, right=EVIL, first=EVIL, second=EVIL + "2", tops=(EVIL, EVIL))
        for c in record.contrasts
    )
    texts["features"] = {name if at == 0 else EVIL: values for at, (name, values) in enumerate(record.features.items())}
    return replace(record, samples=samples, canaries={EVIL: (True, EVIL)}, **texts), evil


def test_foreign_text_breaks_nothing(run, files):
    def skeleton(text):
        """Kinds of tokens; rows of facts are as many as there are facts."""
        return [token.type for token in PARSER.parse(text) if not token.type.startswith(("tr_", "td_", "inline"))]

    text = text_of(render(*hostile(run)))
    wanted = text_of(files)
    assert text.count("\n## ") == wanted.count("\n## ")
    assert [kind for kind in skeleton(text) if kind in {"heading_open", "table_open", "html_block", "fence"}] == [
        kind for kind in skeleton(wanted) if kind in {"heading_open", "table_open", "html_block", "fence"}
    ]
    assert "<script" not in PARSER.render(text)
    assert not re.search("[\x00\x1b\u202e]", text)


def test_unpaired_surrogates_cost_neither_the_report_nor_the_console(a):
    """JSON may hold them as an escape; UTF-8 cannot."""
    spec = "mine:x=\ud83d"
    record = a.record([spec, "gru"], dataset="d\ud83d", pool="p\ud83d", environment={"threads": "\ud83d"})
    outcomes = [a.outcome(spec, a.ranks(1.5, 1)), a.outcome("gru", a.ranks(1.4, 2), latency_failure="\ud83d")]
    files = render(record, outcomes)
    assert "# Which retriever to ship for d\ufffd" in text_of(files)
    assert sorted(files) == ["figures/quality-latency-cpu.svg", "figures/top-k.svg", "report.md"]
    overview(record, outcomes).encode()


def test_folded_questions_show_the_text_that_was_asked(run):
    html = PARSER.render(text_of(render(*hostile(run))))
    assert "&lt;/details&gt;&lt;script&gt;alert(1)&lt;/script&gt; &lt;!-- &amp;amp;" in html


def test_the_first_answers_stand_with_where_the_right_one_is(a):
    """What random answers tells nothing, and the text of the right answer stands there already."""
    answers = ((Answer("x", "wrong one", False), Answer("y", "right | one", True)), (Answer("z", "fine", True),))
    outcome = a.outcome("gru", (2, 1) + (1,) * 398, answers=answers)
    nothing = a.outcome("bm25", (0, 0) + (1,) * 398, answers=((), (Answer("x", "no", False),)))
    chance = a.outcome("random", a.random_ranks(1))
    text = text_of(render(a.record(["gru", "bm25", "random"]), [outcome, nothing, chance]))
    shown = text[text.index("## Sample questions") : text.index("## Details")]
    assert shown.count("<details>") == 1
    assert (
        "- `Why NaN?`\n  - a right answer: `Divide by zero.`\n  - ✓ `gru`\n  - ✗ `bm25`: `no`; none among the first 100 is right"
        in shown
    )
    assert "  - ✗ `gru`: `wrong one`; right at rank 2\n  - ✗ `bm25`: no answer\n" in shown
    assert "`random`" not in shown


def test_five_sample_questions_are_enough(a):
    samples = tuple((at, f"question {at}", "right") for at in range(10))
    text = text_of(render(a.record(["gru"], samples=samples), [a.outcome("gru", a.ranks(1, 1))]))
    assert [f"`question {at}`" in text for at in range(10)] == [True] * 5 + [False] * 5


def test_details_tell_what_a_result_depends_on(files):
    text = text_of(files)
    for fact in (
        "| licence", "PSF-2.0", "`epochs=6`, `loss=0.31`", "quality `q1`", "source `0123456789ab`", "| processor",
        "python -m bench --retrievers random,bm25,tfidf,gru", "Success@k: share of questions", "| oracle",
    ):  # fmt: skip
        assert fact in text


def test_a_run_without_any_result_still_has_a_report(a):
    record = a.record(["gru"])
    files = render(record, [Outcome("gru", 0, "cpu", "failed", failure="killed by SIGKILL, perhaps out of memory")])
    assert list(files) == ["report.md"]
    text = text_of(files)
    assert "**No answer: no system finished.** `gru` (failed: killed by SIGKILL, perhaps out of memory)." in text
    assert "## Latency" not in text
    assert "## Sample questions" not in text


def test_the_overview_is_aligned_plain_text(run):
    text = overview(*run)
    assert text.startswith("python-docs: 400 questions, pool of 500 documents")
    table = text.splitlines()[2:]
    assert table[2].startswith("bm25+gru    .89")
    assert table[2].rstrip().endswith("best")
    assert "failed: ValueError: x | y (broken.py:3)" in text
    assert text.splitlines()[-1].split()[:2] == ["chance", ".020"]
    assert "`" not in text


def test_the_overview_tells_a_limit_and_a_failure_under_the_clock(a):
    record = a.record(["gru"], facts={"limit": "first 400 held-out questions"})
    text = overview(record, [a.outcome("gru", a.ranks(1.5, 1), samples=0, latency_failure="out of memory")])
    assert text.startswith("python-docs: 400 questions, pool of 500 documents (cut by --limit)\n")
    assert re.search(r"^gru .* failed +alone$", text, re.MULTILINE)


def test_the_overview_tells_of_an_interrupt_also_under_the_clock(a):
    outcomes = [a.outcome("gru", a.ranks(1.5, 1))]
    assert overview(a.record(["gru"], interrupted=True), outcomes).startswith(
        "python-docs: 400 questions, pool of 500 documents; interrupted\n"
    )
    assert "interrupted" in overview(a.record(["gru", "cnn"]), outcomes).splitlines()[0], "cnn has no outcome"
    assert "interrupted" not in overview(a.record(["gru"]), outcomes)


def test_the_overview_of_a_void_run_begins_with_that(a):
    record = a.record(["gru"], canaries={"random": (False, "expected .020, measured .4")})
    assert overview(record, []).startswith("VOID: random failed: expected .020, measured .4\n")


def test_the_report_needs_neither_torch_nor_retrievers_nor_the_runner():
    source = """import sys, bench.report.render
    unwanted = ("torch", "retrievers", "bench.run", "bench.plugins", "matplotlib.pyplot")
    print([name for name in sys.modules if name.startswith(unwanted)])"""
    done = subprocess.run(
        [sys.executable, "-c", source.replace("\n    ", "\n")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_earlier_record_is_shown_without_a_trace_of_what_it_lacks(full_run):
    record, outcomes = full_run
    text = text_of(render(record, outcomes))
    headings = re.findall("^## (.+)$", text, re.MULTILINE)
    assert headings == ["Quality", "Latency", "Cost", "Sample questions", "Details"]
    for absent in ("Audit", "busy", "harness itself takes", "ties decide", "price", "server", "on disk", "from a file"):
        assert absent not in text


def test_what_is_unfolded_can_be_read_in_two_minutes(run):
    """At 240 words a minute; tables are looked at, not read. What goes wrong in a run may take longer to tell."""
    record, outcomes = run
    fine = [outcome for outcome in outcomes if outcome.status == "ok"]
    quiet = replace(record, systems=tuple(dict.fromkeys(o.spec for o in fine)), others=(0.01,), audit=record.audit[-1:])
    shown = re.sub("<details>.*?</details>", "", text_of(render(quiet, fine)), flags=re.DOTALL)
    prose = [line for line in shown.splitlines() if not line.startswith(("|", "!["))]
    assert len(" ".join(prose).split()) < 2 * 240


def test_the_overview_says_which_results_are_from_a_file(run):
    row = next(line for line in overview(*run).splitlines() if line.startswith("results"))
    assert re.search(r" file +file +worse", row)
