"""
The resource types that the template uses, from the public type data as of August 2026: `types/*.json`.

A property's key says `!` when it is required and `~` when only Azure sets it. Its value is a kind (string, int, bool,
array, object, any), an int's range (`int 1..10`), the literals that are taken (`'A' | 'B'`, `1 | 2`), an object, or a
list with what its elements are. The key `*` stands for every name. A property that is not there may still exist: it
is added once it has been looked up.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "types"
_LITERAL: Final = re.compile(r"'([^']*)'")
_RANGE: Final = re.compile(r"int (-?\d+)\.\.(\d+)")


@dataclass(frozen=True, slots=True)
class Property:
    required: bool
    read_only: bool
    shape: Any


@dataclass(frozen=True, slots=True)
class ResourceType:
    version: str
    name: re.Pattern[str] | None
    shape: Mapping[str, Any]


@cache
def resource_types() -> Mapping[str, ResourceType]:
    types: dict[str, ResourceType] = {}
    for path in sorted(FOLDER.glob("*.json")):
        for name, entry in json.loads(path.read_text()).items():
            pattern = re.compile(entry["name"]) if "name" in entry else None
            types[name] = ResourceType(entry["version"], pattern, entry["properties"])
    return types


def properties_of_shape(shape: Mapping[str, Any]) -> dict[str, Property]:
    return {key.rstrip("!~"): Property(key.endswith("!"), key.endswith("~"), each) for key, each in shape.items()}


def kind_of_shape(shape: object) -> str:
    """Name the kind of value that a shape takes."""
    if isinstance(shape, str):
        first = shape.partition(" ")[0]
        return "string" if first.startswith("'") else "int" if first.isdecimal() else first
    return "array" if isinstance(shape, list) else "object"


def literals_of(shape: str) -> list[str]:
    """List the only values that a shape takes; none when it takes others too."""
    return shape.split(" | ") if shape[0].isdecimal() else _LITERAL.findall(shape)


def range_of(shape: str) -> range | None:
    found = _RANGE.fullmatch(shape)
    return range(int(found[1]), int(found[2]) + 1) if found else None
