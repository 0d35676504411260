"""The parent's hold on one worker process: commands, events, and an end that is always one line."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import psutil

from bench.run.job import Job

POLL = 0.2
"""Seconds between two looks at the worker's memory and time."""

GRACE = 10.0
"""Seconds that a process which closed its output, or was killed, has to end."""

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)

_FIXED = {"PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}
"""The order of a set of strings must not differ from run to run."""

_BOOT = "import sys; sys.path[:] = {path!r}; from bench.run.worker import main; main()"


class JobFailedError(Exception):
    """The job cannot go on; the message is the reason in one line. Not a BenchError: the other jobs go on."""


class WorkerProcess:
    """A process of its own for one job, killed when it hangs, grows too large or is no longer wanted."""

    def __init__(
        self, job: Job, log: Path, *, timeout: float, memory: float, waiting: float = 0.0, append: bool = False
    ) -> None:
        """``timeout`` bounds each answer (s); ``memory`` the resident set (bytes); ``log`` takes standard error.

        waiting: bytes that systems which wait for the clock have taken from the user's limit.
        append: keep what an earlier process wrote to the log.
        """
        self._timeout = timeout
        self._memory = memory
        self._waiting = waiting
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab" if append else "wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT.format(path=sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(job.threads)), **_FIXED},
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )
        _prefer_as_victim(self._process.pid)
        self._events: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._watched = 0.0
        self._closed = False
        self._job = job

    def again(self, job: Job) -> "WorkerProcess":
        """A fresh process under the same limits, which goes on with the log."""
        return WorkerProcess(
            job, self._log, timeout=self._timeout, memory=self._memory, waiting=self._waiting, append=True
        )

    def prepare(self, on_event: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Fit, index, search; events are passed on as they come."""
        return self._ask(self._job.to_json(), on_event)

    def join(self, job: Job, on_event: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Search for a job that uses this one's index."""
        return self._ask({"job": job.to_json()}, on_event, phase="retune")

    def measure(
        self, load: str, arguments: list[int], *, lasts: float = 0.0, **options: float | str | None
    ) -> dict[str, Any]:
        """One of the ``Loads``: samples (s) and stages; ``arguments`` say which questions, or how many.

        lasts: seconds that it takes by itself, on top of which comes the timeout.
        """
        return self._ask({"do": load, "arguments": arguments, **options}, lambda _: None, phase=load, lasts=lasts)

    def trial(self, spec: str, on_event: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """What a system with other hyper-parameters is worth on dev; for the job of a process that tunes."""
        return self._ask({"spec": spec}, on_event, phase="fit")

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def resident(self) -> int:
        """Bytes that the process and its children hold in memory now."""
        try:
            process = psutil.Process(self._process.pid)
            return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
        except psutil.Error:  # it ends just now
            return 0

    def unshared(self) -> int:
        """Bytes that would be free without the process: libraries that others hold too do not count."""
        try:
            return int(psutil.Process(self._process.pid).memory_full_info().uss)
        except (psutil.Error, AttributeError):
            return self.resident()

    def close(self) -> None:
        """End the process, whatever it is doing, its children too, and remove its log unless something was written there."""
        if self._closed:  # the number of the process may be another's by now
            return
        self._closed = True
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=GRACE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):  # a broken pipe has nothing left to flush to
                    pipe.close()
        if self._log.exists() and self._log.stat().st_size == 0:
            self._log.unlink()

    def _ask(
        self,
        message: dict[str, Any],
        on_event: Callable[[dict[str, Any]], None],
        *,
        phase: str = "start",
        lasts: float = 0.0,
    ) -> dict[str, Any]:
        try:
            stdin = self._process.stdin
            if stdin is None:
                raise JobFailedError("the worker has no input")
            stdin.write(json.dumps(message) + "\n")
            stdin.flush()
        except OSError:
            raise JobFailedError(self._ending()) from None
        begun = monotonic() + lasts
        while True:
            event = self._next(begun, phase)
            if event["event"] == "result":
                value: dict[str, Any] = event["value"]
                return value
            if event["event"] == "failed":
                raise JobFailedError(event["why"])
            if event["event"] == "phase":
                phase, begun = event["phase"], monotonic()
            on_event(event)

    def _next(self, begun: float, phase: str) -> dict[str, Any]:
        while True:
            if monotonic() - self._watched > POLL:  # also while events keep coming
                self._watch(begun, phase)
            try:
                event = self._events.get(timeout=POLL)
            except Empty:
                continue
            if event is None:
                raise JobFailedError(self._ending())
            return event

    def _watch(self, begun: float, phase: str) -> None:
        self._watched = monotonic()
        if self._watched - begun > self._timeout:
            self._signal(signal.SIGKILL)
            raise JobFailedError(f"hung: {phase} did not end within {self._timeout:g} s (--timeout)")
        if self._process.poll() is not None and self._events.empty():  # a child of its own may hold the pipe open
            raise JobFailedError(self._ending())
        resident = self.resident()
        if resident > self._memory:
            self._signal(signal.SIGKILL)
            used, limit = resident / 2**30, self._memory / 2**30
            held = f", {self._waiting / 2**30:.1f} GiB being held by systems that wait" if self._waiting else ""
            raise JobFailedError(
                f"out of memory: {phase} used {used:.1f} GiB, the limit is {limit:.1f} GiB{held} (--memory)"
            )

    def _ending(self) -> str:
        """Why a process that stopped answering is gone."""
        try:
            code = self._process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            return "crashed: the process closed its output and went on"
        if code < 0:
            hint = ", perhaps out of memory" if -code == signal.SIGKILL else ""
            return f"crashed: killed by {signal.Signals(-code).name}{hint}"
        return f"crashed: the process ended with exit code {code}"

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        """Turn answer lines into events; None marks the end, also one in the middle of a line."""
        stdout = self._process.stdout
        try:
            for line in stdout or ():
                self._events.put(json.loads(line))
        except ValueError:
            pass
        finally:
            self._events.put(None)


def _prefer_as_victim(pid: int) -> None:
    """When memory runs out, let Linux end the worker rather than the run; elsewhere there is no such setting."""
    try:
        Path(f"/proc/{pid}/oom_score_adj").write_text("900", encoding="ascii")
    except OSError:
        return
