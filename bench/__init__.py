"""RetrieverBench compares lexical and neural retrievers: which one should I ship."""

__version__ = "0.1.0"
