"""What the record of a run says of the collection before anything has run."""

import json

import numpy as np

from bench.run.plan import Request, make_plan
from bench.run.record import make_record


def test_a_word_that_stands_in_a_body_that_is_learned_from_is_not_unseen(tmp_path):
    letters = np.random.default_rng(0).choice(list("bcdfghklmnprst"), size=(60, 4, 8))
    questions = [" ".join("".join(word) for word in words) for words in letters]

    def unseen(body):
        path = tmp_path / "own.jsonl"
        rows = [{"question": q, "answer": f"solution {at} of {q[:8]}", "body": body} for at, q in enumerate(questions)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        plan = make_plan(Request("random", f"pairs:{path}", cache=tmp_path / "cache", threads=1), lambda *_: None)
        return make_record(plan, "name", "command").features["unseen words"]

    assert set(unseen("nothing of it")) == {1.0}
    assert set(unseen(" ".join(questions))) == {0.0}
