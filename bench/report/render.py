"""A run's record and outcomes to the files of its report."""

from collections.abc import Sequence

from bench.outcome import Outcome, RunRecord
from bench.report.answer import answer
from bench.report.appendix import appendix
from bench.report.cost import cost
from bench.report.figures import Picture, pictures
from bench.report.latency import latency
from bench.report.learning import learning
from bench.report.markdown import code, escape, listing, paragraphs
from bench.report.quality import quality
from bench.report.references import references
from bench.report.samples import samples
from bench.report.slices import slices
from bench.report.summary import Summary, summarise
from bench.report.sweep import sweeps
from bench.report.tuning import tuning

INTERRUPTED = "*The run was interrupted: what is missing below was not measured.*"


def render(record: RunRecord, outcomes: Sequence[Outcome]) -> dict[str, bytes]:
    """File name, relative to the report's folder -> content; the same run gives the same bytes.

    StoreError when an outcome does not belong to the run's questions.
    """
    summary = summarise(record, outcomes)
    figures, learned, swept = pictures(summary), learning(summary), sweeps(summary)
    text = paragraphs(
        _void(summary),
        f"# Which retriever to ship for {escape(record.dataset)}",
        INTERRUPTED if record.interrupted else "",
        answer(summary),
        quality(summary),
        _figures(figures),
        references(summary),
        slices(summary),
        tuning(summary),
        swept.text,
        latency(summary),
        cost(summary),
        learned.text,
        samples(summary),
        appendix(summary),
    )
    # Foreign text has been cleaned where it is shown; a stray surrogate elsewhere must not cost the report.
    return {
        "report.md": f"{text}\n".encode(errors="replace"),
        **_contents([*figures, *swept.pictures, *learned.pictures]),
    }


def _void(summary: Summary) -> str:
    """The first line of a report whose harness failed its own checks."""
    failed = [f"{code(name)} failed: {escape(line)}" for name, line in summary.failed_canaries.items()]
    return f"**VOID: this run measured wrongly and its numbers must not be used.** {listing(failed)}." if failed else ""


def _contents(figures: Sequence[Picture]) -> dict[str, bytes]:
    return {figure.name: figure.content for figure in figures}


def _figures(figures: Sequence[Picture]) -> str:
    return paragraphs(*(figure.markdown() for figure in figures))
