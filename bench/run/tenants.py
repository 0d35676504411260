"""Several systems in one process: they search one index, each with parameters of its own."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.run.job import Job
from bench.run.process import JobFailedError, WorkerProcess
from bench.run.session import RESTART

Event = dict[str, Any]


class Tenant:
    """A system's share of a process, with what ``WorkerProcess`` has; the first one moves in with the process.

    The process lives until the last tenant has left. What goes wrong before the first search goes wrong for all; a search
    that fails takes the process with it, and the next of the others builds a fresh one: the stored fit, the index again.
    """

    def __init__(self, process: WorkerProcess, job: Job) -> None:
        self._job = job
        self._house = _House(process, job)

    def guest(self, job: Job) -> "Tenant":
        """The share of another system, whose job names this one as its host."""
        found = object.__new__(Tenant)
        found._job, found._house = job, self._house
        self._house.move_in(job)
        return found

    def again(self, job: Job) -> "Tenant":
        """The same in a fresh process; for the host, before it has guests."""
        self.end()
        self._job, self._house = job, _House(self._house.process.again(job), job)
        return self

    def prepare(self, on_event: Callable[[Event], None]) -> Event:
        """Fit, index, search; a guest only searches, unless the process has to be built again."""
        house = self._house
        if house.standing and self._job.host:
            return house.told(lambda: house.process.join(self._job, on_event))
        return house.built(self._job, on_event) if house.standing else house.rebuilt(self._job, on_event)

    def measure(
        self, load: str, arguments: list[int], *, lasts: float = 0.0, **options: float | str | None
    ) -> dict[str, Any]:
        """As ``WorkerProcess.measure``, of this system. The first answer of a process that was built again does not count."""
        house = self._house

        def asked() -> Event:
            return house.process.measure(load, arguments, lasts=lasts, system=self._job.spec, **options)

        if not house.standing:
            self._resettle()
            if load != "warm-up":
                house.told(asked)
        return house.told(asked)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._house.process.pid

    def unshared(self) -> int:
        """As of the process, for the first of those who are in it; nothing for the others, so that it is counted once."""
        return self._house.process.unshared() if self._house.inside[:1] == [self._job.spec] else 0

    def close(self) -> None:
        """Leave; the last one ends the process."""
        self._house.move_out(self._job)

    def end(self) -> None:
        """End the process for all."""
        self._house.process.close()

    def _resettle(self) -> None:
        """A fresh process to be measured in; the ranking that is stored stays that of the first search."""
        spare = Path(self._job.run_file).with_name(f"again-{Path(self._job.run_file).name}")
        try:
            self._house.rebuilt(replace(self._job, timed=False, samples=(), run_file=str(spare)), lambda _: None)
        finally:
            with suppress(FileNotFoundError):
                spare.unlink()


class _House:
    """What tenants have in common: a process.

    inside: who is in it. to_come: how many are not yet. standing: whether it has not failed. failure: why nobody can live
    in it, nor in one built again. cached: whether its fit was taken over, None before that is known.
    """

    def __init__(self, process: WorkerProcess, job: Job) -> None:
        self.process = process
        self.inside = [job.spec]
        self.to_come = job.guests
        self.standing = True
        self._failure = ""
        self._cached = job.fit_cached

    def move_in(self, job: Job) -> None:
        """One of those to come is there."""
        self.to_come -= 1
        self.inside.append(job.spec)

    def move_out(self, job: Job) -> None:
        """One is gone; nobody is left behind."""
        if job.spec in self.inside:
            self.inside.remove(job.spec)
        if not self.inside and not self.to_come:
            self.process.close()

    def built(self, job: Job, on_event: Callable[[Event], None]) -> Event:
        """Let the process, which is fresh, fit, index and search for the job."""
        reached = set()

        def watched(event: Event) -> None:
            reached.add(event.get("phase"))
            on_event(event)

        try:
            result = self.told(lambda: self.process.prepare(watched))
        except JobFailedError as error:
            if "search" not in reached:  # it would fail for everybody
                self._failure = f"{error} (in the process of {job.spec}, which several systems share)"
            raise
        if RESTART not in result:
            self._cached = result["timings"]["fit_cached"]
        return result

    def rebuilt(self, job: Job, on_event: Callable[[Event], None]) -> Event:
        """The same in another process; whoever is to come joins that one."""
        if self._failure:
            raise JobFailedError(self._failure)
        own = replace(job, host="", guests=self.to_come, refit=False, fit_cached=self._cached)
        self.process = self.process.again(own)
        self.standing = True
        result = self.built(own, on_event)
        if RESTART in result:  # the fit could not be stored before, and now it could
            self.process.close()
            self._cached = result["cached"]
            return self.rebuilt(job, on_event)
        return result

    def told(self, action: Callable[[], Event]) -> Event:
        """What the process answers; it does not outlive a failure."""
        try:
            return action()
        except JobFailedError:
            self.standing = False
            self.process.close()
            raise
