"""A worker process: one job, told by JSON lines on its standard input, answering by JSON lines on its standard output.

The first line is the job; the worker fits, indexes and searches and answers with everything but latencies. Then each
line asks for one round of the clock, until the input ends. A worker that tunes opens the collection and runs one trial a
line instead. What a plug-in prints goes to standard error.
"""

import json
import os
import sys
import threading
import traceback
from queue import SimpleQueue
from time import monotonic
from typing import Any, TextIO

from bench.loading import located
from bench.run.job import Job
from bench.run.process_start import seed_generators
from bench.run.session import Session
from bench.run.trials import Trials

PROGRESS_EVERY = 0.1
"""Seconds between two progress lines."""


def main() -> None:
    """Serve one job; the process ends when its input does, even in the middle of work."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a plug-in prints must not mix with the answers
    lines = _lines()
    try:
        job = Job.from_json(json.loads(lines.get()))
        seed_generators(job.seed)
        session = (Trials if job.tuning else Session)(job, _reporter(answers))
        _send(answers, {"event": "result", "value": session.prepare()})
        while True:
            command = json.loads(lines.get())
            _send(answers, {"event": "result", "value": session.measure(command)})
    except MemoryError:
        _send(answers, {"event": "failed", "why": "out of memory"})
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; it becomes a failed row
        traceback.print_exc()
        _send(answers, {"event": "failed", "why": located(error)})


def _lines() -> "SimpleQueue[str]":
    """Lines of the input as they come; when it ends the parent is gone or done, and so is this process."""
    queue: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            queue.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return queue


def _reporter(answers: TextIO) -> Any:
    last = {"at": 0.0}

    def report(event: dict[str, Any]) -> None:
        now = monotonic()
        if event["event"] == "progress" and now - last["at"] < PROGRESS_EVERY:
            return
        last["at"] = now
        _send(answers, event)

    return report


def _send(answers: TextIO, event: dict[str, Any]) -> None:
    answers.write(json.dumps(event) + "\n")
    answers.flush()
