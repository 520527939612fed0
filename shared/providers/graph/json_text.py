"""JSON as Graph writes it."""

import json
from typing import Any

import orjson


def document_from(body: bytes) -> Any:  # noqa: ANN401 - a JSON document has no narrower type
    """
    Parse a body; escapes of lone surrogates, which only the slower parser takes, come out as such.

    Raises ValueError when it is not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
