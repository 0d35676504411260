"""Several systems in one process: they search one index, each with parameters of its own."""

from collections.abc import Callable
from typing import Any

from bench.run.job import Job
from bench.run.process import JobFailedError, WorkerProcess


class Tenant:
    """A system's share of a process, with what ``WorkerProcess`` has; the first one moves in with the process.

    The process lives until the last tenant has left. What fails in it for one has failed for all.
    """

    def __init__(self, process: WorkerProcess, job: Job) -> None:
        self._job = job
        self._house = _House(process, job.guests + 1)

    def guest(self, job: Job) -> "Tenant":
        """The share of another system, whose job names this one as its host."""
        found = object.__new__(Tenant)
        found._job, found._house = job, self._house
        return found

    def again(self, job: Job) -> "Tenant":
        """The same in a fresh process; for the host, before it has guests."""
        self.end()
        self._job, self._house = job, _House(self._house.process.again(job), job.guests + 1)
        return self

    def prepare(self, on_event: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Fit, index, search; a guest only searches."""
        process = self._house.process
        return self._told(lambda: process.join(self._job, on_event) if self._job.host else process.prepare(on_event))

    def measure(
        self, load: str, arguments: list[int], *, lasts: float = 0.0, **options: float | str | None
    ) -> dict[str, Any]:
        """As ``WorkerProcess.measure``, of this system."""
        process = self._house.process
        return self._told(lambda: process.measure(load, arguments, lasts=lasts, system=self._job.spec, **options))

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._house.process.pid

    def unshared(self) -> int:
        """As of the process; nothing for a guest, so that it is counted once."""
        return 0 if self._job.host else self._house.process.unshared()

    def close(self) -> None:
        """Leave; the last one ends the process."""
        self._house.left.add(self._job.spec)
        if len(self._house.left) == self._house.size:
            self._house.process.close()

    def end(self) -> None:
        """End the process for all."""
        self._house.process.close()

    def _told(self, action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if self._house.failure:
            raise JobFailedError(self._house.failure)
        try:
            return action()
        except JobFailedError as error:
            self._house.failure = f"{error} (in the process of {self._job.spec}, which several systems share)"
            raise


class _House:
    """What tenants have in common."""

    def __init__(self, process: WorkerProcess, size: int) -> None:
        self.process = process
        self.size = size
        self.left: set[str] = set()
        self.failure = ""
