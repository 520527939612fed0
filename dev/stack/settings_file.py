"""
`local.settings.json`: written for the person, who may edit it.

A value that the stack wrote is replaced at the next start, when a port or key has changed. A value that a person wrote
stays, and counts. The file itself says which is which: `Generated` holds a digest of each value that the stack wrote.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dev.stack.files import read_json, write_private_json

_GENERATED = "Generated"


def persons_values(path: Path, sample: Path) -> dict[str, str]:
    """Return what a person decided: not empty, not the sample's, and not ours."""
    content, defaults = read_json(path), _values(read_json(sample))
    digests = content.get(_GENERATED) or {}
    return {
        name: value
        for name, value in _values(content).items()
        if value and value != defaults.get(name) and digests.get(name) != _digest(value)
    }


def write_settings(path: Path, sample: Path, generated: Mapping[str, str], host: Mapping[str, object]) -> None:
    """Write the sample with our values in it and the person's over them, and leave all else in the file as it is."""
    content, template = read_json(path), read_json(sample)
    ours = {name: value for name, value in (_values(template) | dict(generated)).items() if value}
    content |= {
        "IsEncrypted": False,
        "Values": ours | persons_values(path, sample),
        "Host": {**(template.get("Host") or {}), **(content.get("Host") or {}), **host},
        _GENERATED: {name: _digest(value) for name, value in ours.items()},
    }
    write_private_json(path, content)


def _values(content: Mapping[str, Any]) -> dict[str, str]:
    return dict(content.get("Values") or {})


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def schedules(sample: Path) -> dict[str, str]:
    """Return when timers fire, unless a person decides otherwise; the host does not start without."""
    values: dict[str, str] = read_json(sample)["Values"]
    return {name: value for name, value in values.items() if name.endswith("_SCHEDULE")}
