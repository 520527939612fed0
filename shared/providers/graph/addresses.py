"""Where things are in Graph: paths, queries, and links that it gave us."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

_URL_SAFE: Final = str.maketrans("/+", "-_")


def segment_from(provider_id: str) -> str:
    """
    Make an id one segment of a path.

    Some ids have `/` and `+`. An encoded slash still ends a segment for Graph, so both become the letters that stand
    for the same bits in URL-safe base64, which Graph takes for the same id.
    """
    return quote(provider_id.translate(_URL_SAFE), safe="")


def with_query(path: str, options: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(options, quote_via=quote, safe='$,/()')}"


def cursor_from(link: str) -> str:
    """Keep the path and the query of a link: the host is ours to know."""
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def url_from(base_url: str, target: str) -> str:
    """
    Make a target a URL on our own base: a path below it, or a link or cursor, of which no host is ever followed.

    The links of Graph start with the version, as the base does, so they are resolved against the base's origin.
    """
    if target.startswith("/") or "://" in target.partition("?")[0]:
        base = urlsplit(base_url)
        return f"{base.scheme}://{base.netloc}{cursor_from(target)}"
    return f"{base_url}/{target}"


def text_from(moment: datetime) -> str:
    """Write a time as Graph's filters have it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
