"""The path of a request as Kestrel reads it, and as ASP.NET writes it again."""

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

_ENCODED_SLASH: Final = re.compile("(%2f)", re.IGNORECASE)
_ENCODED: Final = re.compile("(%[0-9a-f]{2})", re.IGNORECASE)
_UNESCAPED: Final = "/-._~!$&'()*+,;=:@"


def decoded_path(raw_path: str) -> str:
    """Decode all but %2F, then leave dot segments away."""
    kept: list[str] = []
    for segment in _decoded(raw_path).removeprefix("/").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)


def encoded_path(path: str) -> str:
    """Encode what a path may not hold; what looks encoded stays as it is."""
    return "".join(part if _ENCODED.fullmatch(part) else quote(part, safe=_UNESCAPED) for part in _ENCODED.split(path))


def _decoded(raw_path: str) -> str:
    return "".join(
        part if _ENCODED_SLASH.fullmatch(part) else _unquoted(part) for part in _ENCODED_SLASH.split(raw_path)
    )


def _unquoted(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text
