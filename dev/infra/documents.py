"""host.json and staticwebapp.config.json beside what their readers know: a misspelt key is passed over in silence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

SCHEMAS: Final = Path(__file__).parent / "schemas"
DOCUMENTS: Final = {
    "host.json": "host.json",
    "staticwebapp.config.json": "frontend/public/staticwebapp.config.json",
}
"""Schema to the document that it is for. The schemas say what we use; a new key is added once it is looked up."""


def document_faults(root: Path) -> list[str]:
    """List keys and values that the documents' readers do not know."""
    return [
        finding
        for schema, path in DOCUMENTS.items()
        for finding in _faults(json.loads((SCHEMAS / schema).read_text()), root, path)
    ]


def _faults(schema: dict[str, Any], root: Path, path: str) -> Iterator[str]:
    text = (root / path).read_text()
    for error in jsonschema_rs.validator_for(schema).iter_errors(json.loads(text)):
        unexpected = getattr(error.kind, "unexpected", None) or []
        names = [str(each) for each in (*error.instance_path, *unexpected) if isinstance(each, str)]
        yield f"{path}:{_line_of(text, names)}: {error.message}"


def _line_of(text: str, names: list[str]) -> int:
    """Find the line of the last of nested keys, each looked for after the one around it."""
    position = 0
    for name in names:
        position = max(position, text.find(f'"{name}"', position))
    return text.count("\n", 0, position) + 1
