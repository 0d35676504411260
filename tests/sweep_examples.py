"""A retriever that can be swept, and that goes wrong in every way where it is told to."""

from plugin_examples import broken

EXTRA = """
    depth: int = 3
    width: int = 1
    phases: ClassVar = {"depth": "search", "width": "index"}
    seeded: ClassVar = True

    def fit(self, train, dev, env):
        with open("log.txt", "a") as file:
            file.write(f"fit {env.seed} {len(train.queries)}\\n")

    def save(self, folder):
        (folder / "x").write_text("x")

    def load(self, folder):
        pass

    def retune(self, **values):
        super().retune(**values)
        time.sleep(600 * (self.depth == 16))
"""
INDEX = """
        self._texts = [doc.content.split() for doc in corpus]
        with open("log.txt", "a") as file:
            file.write(f"index {env.seed} {os.getpid()}\\n")
        1 / (self.width != 13)
"""
SEARCH = """
        with open("asked.txt", "a") as file:
            file.write(f"{self.depth} {os.getpid()} {len(queries)}\\n")
        if self.depth == 13 or (self.depth == 15 and k == 10):
            raise ValueError("thirteen")
        words = [set(query.text.split()[1 : 1 + self.depth]) for query in queries]
        scores = np.array([[len(w & set(text)) for text in self._texts] for w in words], dtype=np.float32)
        return Hits.top(scores.reshape(len(queries), len(self._texts)), k)
"""

WINDOW = broken(SEARCH, index=INDEX, extra=EXTRA).replace("import signal", "import signal\nfrom typing import ClassVar")
"""Reads the first ``depth`` words of a question: one finds half of what two find. Its ``log.txt`` tells what is done.

depth: 13 fails, 15 fails when asked for ten hits, as the clock does, 16 hangs. width: 13 cannot be indexed.
"""
