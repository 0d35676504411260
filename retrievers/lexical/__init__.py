"""What the lexical retrievers share: counting terms, BM25's formulas, an inverted file of ready-made scores, tuning."""
