"""The classic clean-up of texts before they are compared: numbers and single letters dropped, each only if the card says so."""

import re

from bench.data.card import TextRule

# Digits inside a name stay (conv2d, utf-8, layers.0.weight, 1st); dates, versions, fractions and 0x1F are one number.
_NUMBER = re.compile(
    r"(?<![\w.])(?<!\w-)(?:(?<![\w)\]])[-+])?"
    r"(?:0[xXbBoO][\da-fA-F_]+|\.?\d[\d_]*(?:[.,:/-]\d+)*(?:[eE][-+]?\d+)?)%?(?![.'\u2019-]?\w)[^\S\n]?"
)
# Alphabets only: a single letter of other scripts may be a word. C++, C#, -v, don't and x.shape stay.
_LETTER = re.compile(
    r"(?<![\w.-])(?<!\w['\u2019])[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u024f\u0370-\u052f]"
    r"(?![\w\u0300-\u036f]|[.'\u2019-]\w|\+\+|#)[^\S\n]?"
)
_END = re.compile(r"[^\S\n]+$", re.MULTILINE)


def cleaned(text: str, rule: TextRule) -> str:
    """The text without what the rule drops, line breaks and indentation kept; the same text where it drops nothing.

    drop_numbers: tokens that are numbers. drop_single_letters: letters of an alphabet that stand alone. Code in the text is
    treated as the prose around it; a source that knows markup can leave it out.
    """
    kept = text
    if rule.drop_numbers:
        kept = _NUMBER.sub("", kept)
    if rule.drop_single_letters:
        kept = _LETTER.sub("", kept)
    return text if kept == text else _END.sub("", kept)
