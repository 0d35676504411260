"""From the name of a collection to a Dataset: cards, sources, splits, cache."""
