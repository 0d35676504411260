"""Sources of small retrievers that tests write to files: a good one, and every way of being a bad one."""

OVERLAP = '''
from dataclasses import dataclass

import numpy as np

from bench.api import Hits, Retriever


@dataclass
class Overlap(Retriever):
    """Ranks by the number of shared words."""

    min_length: int = 1

    def index(self, corpus, env):
        self._words = [set(doc.content.lower().split()) for doc in corpus]

    def search(self, queries, k):
        asked = [{w for w in query.text.lower().split() if len(w) >= self.min_length} for query in queries]
        scores = np.array([[len(words & q) for words in self._words] for q in asked], dtype=np.float32)
        return Hits.top(scores.reshape(len(queries), len(self._words)), k)
'''


def broken(search, *, index="pass", extra=""):
    """A retriever whose search (and index) have the given bodies."""
    return f'''
import os
import signal
import time
from dataclasses import dataclass

import numpy as np

from bench.api import Hits, Retriever


@dataclass
class Broken(Retriever):
    """Breaks on purpose."""

{extra}
    def index(self, corpus, env):
        self._size = len(corpus)
        {index}

    def search(self, queries, k):
        {search}
'''


ZEROS = "return Hits.top(np.zeros((len(queries), self._size), dtype=np.float32), k)"

SCORER = '''
from dataclasses import dataclass

import numpy as np

from bench.api import Scorer


@dataclass
class SharedWords(Scorer):
    """Scores a solution by the number of words it shares with the question."""

    def index(self, corpus, env):
        self._words = [set(doc.content.lower().split()) for doc in corpus]

    def score(self, queries, positions):
        asked = [set(query.text.lower().split()) for query in queries]
        rows = zip(asked, positions.tolist(), strict=True)
        scores = [[len(self._words[at] & words) if at >= 0 else 0 for at in row] for words, row in rows]
        return np.array(scores, dtype=np.float32).reshape(positions.shape)
'''
