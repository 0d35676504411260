"""Words too common to tell documents apart."""

# Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET, the list used by most published BM25 figures.
_ENGLISH = """
a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was
will with
"""

STOP_WORDS = {"english": frozenset(_ENGLISH.split()), "none": frozenset[str]()}
"""Name, as given in a spec -> words, lower-case and unstemmed."""
