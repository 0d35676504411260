"""Numbers as the report prints them; rounding happens here and nowhere before."""

from math import floor, isnan, log10

ABSENT = "-"
"""Stands where a value was not measured."""


def measure(value: float) -> str:
    """A measure between 0 and 1, ``.887``; not a number stands for one that was not to be had."""
    return ABSENT if isnan(value) else _bare(f"{value:.3f}")


def chance(value: float) -> str:
    """A measure of a random order: ``.020``, and ``<.001`` for what is not nothing."""
    return "<.001" if 0 < value < 0.0005 else measure(value)  # noqa: PLR2004 - half of the last place


def share(part: int, whole: int) -> str:
    """Of a whole that is not 0: ``27%``, ``0.4%``."""
    percent = 100 * part / whole
    return f"{percent:.1f}%" if 0 < percent < 1 else f"{percent:.0f}%"


def interval(low: float, high: float) -> str:
    """A confidence interval of a measure, ``[.869, .903]``."""
    return f"[{measure(low)}, {measure(high)}]"


def difference(value: float) -> str:
    """A difference of two measures with its sign, ``+.012``."""
    if isnan(value):
        return ABSENT
    text = _bare(f"{value:+.3f}")
    return ".000" if text.strip("+-") == ".000" else text


def p_value(value: float, *, most: bool = False) -> str:
    """``p < .001``, ``p = .043``, ``p = .43``; ``p <= .001`` where the test could find no smaller one (``most``)."""
    if value < 0.001:  # noqa: PLR2004 - the smallest p that is printed as a number
        return "p < .001"
    return f"p {'<=' if most else '='} " + _bare(f"{value:.3f}" if value < 0.1 else f"{value:.2f}")  # noqa: PLR2004 - near .05 digits matter


def number(value: float | None, digits: int = 3) -> str:
    """At least so many significant digits: ``0.0123``, ``1.23``, ``12.3``, ``12,345``."""
    if value is None:
        return ABSENT
    if value == 0:
        return "0"
    exponent = floor(log10(abs(float(f"{value:.{digits - 1}e}"))))
    return f"{value:,.{max(digits - 1 - exponent, 0)}f}"


def seconds(value: float) -> str:
    """Seconds of a job's phase, without the unit; nobody waits for less than a thousandth."""
    return "<0.001" if 0 < value < 0.001 else number(value)  # noqa: PLR2004


def milliseconds(time: float | None) -> str:
    """Seconds as a number of milliseconds, without the unit."""
    return ABSENT if time is None else number(time * 1e3)


def megabytes(size: int | None) -> str:
    """Bytes as a number of megabytes (10^6), without the unit; nobody looks for room for less than a hundredth."""
    if size is None:
        return ABSENT
    return "<0.01" if 0 < size < 10_000 else number(size / 1e6)  # noqa: PLR2004


def count(value: int | None) -> str:
    """``12,345``."""
    return ABSENT if value is None else f"{value:,}"


def factor(value: float) -> str:
    """How many times as much: ``1.0``, ``3.4``, ``120``."""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"  # noqa: PLR2004 - two digits are enough


def duration(time: float) -> str:
    """A time with its unit, fit for a sentence: ``0.21 ms``, ``45.2 s``, ``2 min 50 s``, ``1 h 12 min``."""
    if time < 1:
        return f"{number(time * 1e3)} ms"
    if time < 99.95:  # noqa: PLR2004 - three digits of seconds
        return f"{number(time)} s"
    minutes, rest = divmod(round(time), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def _bare(text: str) -> str:
    """Without the zero before the point, as the field writes measures."""
    return text.replace("0.", ".", 1) if text.lstrip("+-").startswith("0.") else text
