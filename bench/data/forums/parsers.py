"""Which parsers made text of posts: another version of one may make other text of the same post."""

from collections.abc import Mapping
from importlib.metadata import version


def parser_versions() -> Mapping[str, str]:
    """Package -> version; what a built collection of posts depends on besides the posts."""
    return {name: version(name) for name in ("selectolax", "markdown-it-py")}
