"""What is running and how long it still takes: bars on a terminal, nothing elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bars:
    """An Observer that draws two bars: all jobs, and the phase that is running."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._all: TaskID | None = None
        self._phase: TaskID | None = None
        self._label = ""

    def opening(self, fraction: float, note: str) -> None:
        """The dataset is being opened or built."""
        if self._phase is None:
            self._phase = self._progress.add_task("dataset", total=1.0)
        self._progress.update(self._phase, completed=fraction, description=f"dataset {note}".strip())

    def job(self, number: int, total: int, label: str) -> None:
        """A job begins."""
        self._label = label
        if self._all is None:
            self._all = self._progress.add_task("", total=total)
        self._progress.update(self._all, total=total, completed=number - 1, description=f"system {number} of {total}")
        self.phase("start")

    def trial(self, number: int, fraction: float, label: str) -> None:
        """A trial of hyper-parameters begins; so much of the budget is spent."""
        self._label = label
        if self._all is None:
            self._all = self._progress.add_task("", total=1.0)
        self._progress.update(self._all, total=1.0, completed=fraction, description=f"tuning, trial {number}")
        self.phase("start")

    def phase(self, name: str) -> None:
        """The job's next phase begins."""
        if self._phase is not None:
            self._progress.remove_task(self._phase)
        self._phase = self._progress.add_task(f"{self._label}: {name}", total=None)

    def progress(self, fraction: float, note: str) -> None:
        """How much of the phase is done."""
        if self._phase is not None:
            self._progress.update(self._phase, total=1.0, completed=fraction)
            if note:
                phase = self._progress.tasks[-1].description.partition("  ")[0]
                self._progress.update(self._phase, description=f"{phase}  {note}")

    def ended(self, label: str, failure: str) -> None:
        """A job has its quality results, or failed, which is told on a log file too."""
        if failure or self._progress.console.is_terminal:
            self._progress.console.print(
                f"{label}: failed: {failure}" if failure else f"{label}: done", markup=False, soft_wrap=True
            )

    def round(self, number: int, total: int) -> None:
        """A round of the clock begins."""
        if self._all is not None:
            self._progress.update(self._all, total=total, completed=number, description="latency rounds")
        self._label = f"round {number} of {total}" if number else "warm-up"
        self.phase("clock")

    def serving(self, label: str, rate: float) -> None:
        """A system begins to get so many questions per second."""
        self._label = label
        self.phase(f"server, {rate:.3g} questions/s")


@contextmanager
def bars() -> Iterator[Bars]:
    """Bars on standard error while the block runs; silent when that is not a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield Bars(progress)
