"""Exact top-k: the documents nearest to a question, at the speed of the machine (``index.CosineIndex``)."""
