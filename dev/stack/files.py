"""JSON files that are whole or absent, whenever the power goes."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file; an empty one when there is no file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    content = json.loads(text)
    if not isinstance(content, dict):
        raise TypeError(f"{path} does not hold a JSON object")
    return content


def write_private_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file by one that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    Path(name).replace(path)
