"""What learning gains: quality against the number of training pairs, and quality on dev against seconds of training."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib import rc_context, rcdefaults

from bench.report import units
from bench.report.courses import readings, training_table
from bench.report.crossings import standings, told
from bench.report.epochs import MEASURE, Training, trainings
from bench.report.figures import Picture, svg
from bench.report.growth import Growth, Step, growths, interval, references, steps
from bench.report.learning_figures import draw_growth, draw_trainings, title
from bench.report.markdown import bullets, code, escape, folded, listing, paragraphs, table
from bench.report.quality import main_cell
from bench.report.slices import bounded
from bench.report.status import told as status_of
from bench.report.style import HEIGHT, WIDTH, axes_of
from bench.report.summary import ALPHA, Summary
from bench.report.system import System


@dataclass(frozen=True)
class Section:
    """Text and the figures that it shows; both empty where nothing was learned, or nobody wrote down how."""

    text: str
    pictures: tuple[Picture, ...]


def learning(summary: Summary) -> Section:
    """Both halves: more pairs, where there are several sizes, and more seconds, where epochs tell theirs."""
    grown, found = growths(summary), trainings(summary)
    growing = [growth for growth in grown if not growth.flat]
    others = references(summary, grown)
    pairs = _picture_of_growth(summary, growing, others)
    seconds = _pictures_of_trainings(summary, found)
    blocks = []
    if len(summary.record.train_pairs) > 1:
        taken = steps(summary, growing)
        blocks += [
            "## Would more training pairs help?",
            bullets(_readings(summary, growing, others, taken))
            or "No system of this run was seen to learn from training pairs.",
            pairs.markdown() if pairs else "",
            folded("The figure as a table, and every step", _table(summary, growing, others, taken)) if growing else "",
            bullets(_missing(summary)),
        ]
    if seconds:
        blocks += [
            "## Would longer training help?",
            bullets(readings(found)),
            *(picture.markdown() for picture in seconds),
            folded("The figure as a table, and pairs per second", training_table(summary, found)),
        ]
    return Section(paragraphs(*blocks), (*([pairs] if pairs else []), *seconds))


def _readings(
    summary: Summary, growing: Sequence[Growth], others: Sequence[System], taken: Sequence[Step]
) -> list[str]:
    """A line for each system that learns: what its last step gained, and where it passes systems that do not learn."""
    against = standings(summary, growing, others)
    lines = []
    for growth in growing:
        label = growth.system.label
        own = [step for step in taken if step.growth is growth]
        gained = f": {_gain(summary, own[-1])}" if own else " has a result at one size alone."
        passed = f" It {told(against[label])}." if against.get(label) else ""
        lines.append(f"{code(label)}{gained}{passed}")
    return lines


def _gain(summary: Summary, step: Step) -> str:
    before, after = (units.count(point.pairs) for point in (step.before, step.after))
    told_gain = f"from {before} to {after} pairs {summary.main} {bounded(step.test)}, {units.p_value(step.p)}"
    if step.p > ALPHA or step.test.low <= 0 <= step.test.high:
        return f"{told_gain}: no gain is established; the interval leaves room for {units.difference(step.test.high)}."
    if step.test.difference < 0:
        return f"{told_gain}: the last step lost."
    return (
        f"{told_gain}: it was still gaining where the pairs end ({units.difference(step.per_doubling)} per doubling)."
    )


def _table(summary: Summary, growing: Sequence[Growth], others: Sequence[System], taken: Sequence[Step]) -> str:
    """A row for each system and size, then the systems that do not learn from pairs, and what the columns mean."""
    shown = [name for name in summary.shown if name != summary.main]
    by_point = {id(step.after): step for step in taken}
    rows = []
    for growth in growing:
        for point in growth.points:
            step = by_point.get(id(point))
            spread = point.spread(summary.main)
            rows.append(
                [
                    code(growth.system.label),
                    units.count(point.pairs),
                    f"{units.measure(point.mean(summary.main))} {units.interval(*interval(summary, point, summary.main))}",
                    *(units.measure(point.mean(name)) for name in shown),
                    units.ABSENT if spread is None else f"{units.measure(spread)} ({len(point.jobs)})",
                    bounded(step.test) if step else units.ABSENT,
                    units.p_value(step.p) if step else units.ABSENT,
                    units.difference(step.per_doubling) if step else units.ABSENT,
                    units.seconds(median(job.timings.fit_seconds for job in point.jobs)),
                ]
            )  # fmt: skip
    for system in others:
        cells = [main_cell(summary, system), *(units.measure(system.mean(name)) for name in shown)]
        rows.append([code(system.label), "any", *cells, *[units.ABSENT] * 5])
    headers = ["system", "pairs", summary.main, *shown, "sd (seeds)", "gain of the step", "p (Holm)", "per doubling"]
    return paragraphs(table([*headers, "fit (s)"], rows), bullets(_legend()))


def _legend() -> list[str]:
    return [
        "Every size is a random part of the next larger one, the same for all systems and seeds.",
        "Intervals are over questions; they do not tell how another draw of the pairs would score.",
        "gain of the step: against the next smaller size, paired over questions; p: Holm-corrected over all steps.",
        "per doubling: the gain of the step over the number of doublings in it. fit (s): median over the seeds.",
    ]


def _picture_of_growth(summary: Summary, growing: Sequence[Growth], others: Sequence[System]) -> Picture | None:
    """None without a system that has results at two sizes."""
    drawn = [growth for growth in growing if len(growth.points) > 1]
    if not drawn:
        return None
    with rc_context():
        rcdefaults()  # a personal matplotlibrc must not change the report
        figure, axes = axes_of(WIDTH, HEIGHT)
        draw_growth(axes, summary, drawn, others)
        content = svg(figure)
    found = [
        f"{growth.system.label} "
        + ", ".join(f"{units.measure(p.mean(summary.main))} with {units.count(p.pairs)}" for p in growth.points)
        for growth in drawn
    ]
    return Picture(
        "figures/training-pairs.svg",
        f"{summary.main} against the number of training pairs: {'; '.join(found)}",
        f"{summary.main} on the held-out questions by the number of training pairs, with 95% intervals over questions; "
        "dashed: systems that do not learn from pairs.",
        content,
    )


def _pictures_of_trainings(summary: Summary, found: Sequence[Training]) -> list[Picture]:
    """One for each pool of dev documents: RR@10 among others is another measure."""
    pools = list(dict.fromkeys(training.pool for training in found))
    return [
        _picture_of_trainings(summary, [one for one in found if one.pool == pool], f"-{number}" if number > 1 else "")
        for number, pool in enumerate(pools, start=1)
    ]


def _picture_of_trainings(summary: Summary, found: Sequence[Training], suffix: str) -> Picture:
    with rc_context():
        rcdefaults()
        figure, axes = axes_of(WIDTH, max(HEIGHT, 0.2 * len(found)))
        draw_trainings(axes, summary, found)
        content = svg(figure)
    told_ends = [
        f"{title(one, one.system.label)} {units.measure(one.best)} after {units.duration(one.spent)}" for one in found
    ]
    pool = escape(found[0].pool)
    among = (
        f"RR@10 among {pool}, after every epoch{{}}"
        if pool
        else "RR@10 on dev after every epoch{}, among documents that were not told: systems may have ranked different ones"
    )
    several = any(len(one.courses) > 1 for one in found)
    seeds = "; thin: single seeds, thick: their mean" if several else ""
    cached = any(job.timings.fit_cached for one in found for job in one.system.measured)
    stored = " Seconds of a stored fit are those of the run that learned it." if cached else ""
    return Picture(
        f"figures/training-seconds{suffix}.svg",
        f"{MEASURE} against seconds of training: {', '.join(told_ends)}",
        f"{among.format(seeds)}; marks: the epochs that were kept.{stored}",
        content,
    )


def _missing(summary: Summary) -> list[str]:
    """Jobs with fewer pairs that have no result, those with one reason together."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for job in summary.smaller:
        if job.status != "ok":
            pairs = units.ABSENT if job.train_pairs is None else units.count(job.train_pairs)
            seed = f", seed {job.seed}" if len(summary.record.seeds) > 1 else ""
            reasons.setdefault((job.spec, status_of(job.status, job.failure)), []).append(f"{pairs} pairs{seed}")
    return [f"{code(spec)} with {listing(jobs)}: {escape(why)}" for (spec, why), jobs in reasons.items()]
