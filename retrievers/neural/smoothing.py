"""A running mean that shows where a noisy curve goes."""


class Smoothed:
    """Exponential moving average with bias correction (Kingma & Ba 2015, section 3): a true mean from the first value on.

    memory: weight of the past at each new value; about the last ``1 / (1 - memory)`` values count.
    """

    def __init__(self, memory: float = 0.98, *, total: float = 0.0, weight: float = 0.0) -> None:
        self.memory = memory
        self.total = total
        self.weight = weight

    def add(self, value: float) -> None:
        """Take the next value in."""
        self.total = self.memory * self.total + (1 - self.memory) * value
        self.weight = self.memory * self.weight + 1 - self.memory

    @property
    def mean(self) -> float:
        """The average; 0 before the first value."""
        return self.total / self.weight if self.weight else 0.0
