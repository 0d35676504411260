"""A pull that is killed at any point and begun again: nothing is asked for twice, and the same bytes are there in the end."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from discourse_server import DELETED, NOT_FOUND, Forum, monthly

from bench.data.forums.discourse_pull import Bounds, pull
from bench.data.forums.discourse_topics import read_topics, topic_files
from bench.data.web.http import Client

SCRIPT = """
import sys
from pathlib import Path
from bench.data.forums.discourse_pull import Bounds, pull
from bench.data.web.http import Client
pull(sys.argv[1], Bounds(), Path(sys.argv[2]), lambda: Client(per_second=10_000, backoff=0.001), lambda *_: None)
"""


class Killed:
    """Runs the pull in a process of its own and kills it during, or a moment after, one of its requests."""

    def __init__(self, forum, folder):
        self.forum, self.folder = forum, folder

    def run(self, request, moment, delay):
        """Kill at the n-th request, with half of its answer or all of it sent; -> what was asked, whether it was killed."""
        first = len(self.forum.asked())
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, self.forum.url, str(self.folder)])

        def kill():
            if len(self.forum.asked()) - first == request and process.poll() is None:
                time.sleep(delay)
                os.kill(process.pid, signal.SIGKILL)
                process.wait()

        setattr(self.forum, moment, kill)
        try:
            status = process.wait(timeout=60)
        finally:
            self.forum.before_body = self.forum.after_body = lambda: None
        self.forum.settle()
        return self.forum.asked()[first:], status == -signal.SIGKILL, status

    def stored(self):
        """Answers on disk."""
        return {path for part in ("lists", "topics") for path in (self.folder / part).glob("[0-9]*.json")}

    def content(self):
        return {path.relative_to(self.folder): path.read_bytes() for path in self.stored()}


def pulled(forum, folder):
    return pull(forum.url, Bounds(), folder, lambda: Client(per_second=10_000, backoff=0.001), lambda *_: None)


def records(done):
    return list(read_topics(topic_files(done.folder, set(done.topics)), Counter()))


@pytest.mark.slow
def test_killed_at_any_point_and_resumed_it_asks_nothing_twice(tmp_path):
    source = random.Random(5)
    faults = {"/t/4.json": [NOT_FOUND], "/t/13.json": [DELETED]}
    with Forum(monthly(), faults).running() as calm:
        whole = pulled(calm, tmp_path / "whole")
    with Forum(monthly(), faults).running() as forum:
        killed = Killed(forum, tmp_path / "pull")
        open_again, before, kills = set(), set(), 0
        alive = True
        while alive:
            moment = source.choice(["before_body", "after_body"])
            asked, alive, status = killed.run(source.randint(1, 5), moment, source.choice([0, 0.0005, 0.002, 0.005]))
            kills += alive
            known = killed.stored()
            # All but the request in flight at the kill is on disk; only that one is ever asked for again.
            assert len(asked) - len(known) in (-len(before), 1 - len(before))
            earlier = forum.asked()[: len(forum.asked()) - len(asked)]
            assert {path for path in asked if path in earlier} <= open_again
            open_again = set(asked[-1:]) if len(asked) > len(known) - len(before) else open_again - set(asked)
            before = known
        assert status == 0
    assert kills >= 4
    assert len(set(forum.asked())) == len(calm.asked())
    assert killed.content() == Killed(calm, tmp_path / "whole").content()
    assert pulled(forum, tmp_path / "pull") == whole._replace(folder=tmp_path / "pull" / "topics")
    assert records(pulled(forum, tmp_path / "pull")) == records(whole)
