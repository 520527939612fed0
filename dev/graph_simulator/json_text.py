"""JSON bytes as the service writes them, lone surrogates included."""

import json
from typing import Any

import orjson


def to_json(value: object) -> bytes:
    r"""
    Serialise quickly; a string with a lone surrogate, which UTF-8 cannot carry, is written as a \ud800 escape.

    U+0000 comes out as \u0000 in both ways.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def from_json(data: bytes) -> Any:  # noqa: ANN401 - a JSON document has no narrower type
    """Parse what `to_json` wrote, or what a client sent. Raises `ValueError` when it is not JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)
