"""Texts as character n-grams, which see through typos, inflection and glued names such as ``BCEWithLogitsLoss``."""


class Grams:
    """Calling it turns a text into the n-grams of its words, in order, repeats included.

    Words are what white space divides, lower-case, with a space on both sides; a gram lies within one word, and one shorter
    than a gram is its own (McNamee & Mayfield 2004; ``char_wb`` of scikit-learn).
    """

    LIMIT = 1_000_000
    """Words remembered; reached by corpora full of random strings only, and then forgetting them all is cheap."""

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._known: dict[str, tuple[str, ...]] = {}

    def __call__(self, text: str) -> list[str]:
        """Grams of a text."""
        found: list[str] = []
        for word in text.lower().split():
            grams = self._known.get(word)
            if grams is None:
                if len(self._known) >= self.LIMIT:
                    self._known.clear()
                grams = self._known[word] = self._of(f" {word} ")
            found.extend(grams)
        return found

    def _of(self, padded: str) -> tuple[str, ...]:
        return tuple(padded[at : at + self._size] for at in range(max(1, len(padded) - self._size + 1)))
