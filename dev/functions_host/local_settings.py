"""The app's folder and its local.settings.json."""

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dev.functions_host.errors import HostRefused

_FILE: Final = "local.settings.json"


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """What the file says; `values` go to the environment, the rest is for the host alone."""

    values: Mapping[str, str] = field(default_factory=dict)
    port: int = 7071
    address: str = "127.0.0.1"
    cors_origins: tuple[str, ...] = ()
    cors_credentials: bool = False


def find_app_root(start: Path) -> Path:
    """Return the nearest folder, upwards from `start`, that holds host.json or local.settings.json."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "host.json").is_file() or (folder / _FILE).is_file():
            return folder
    raise HostRefused(f"no host.json in {start} or above it: this is not a Functions app")


def read_local_settings(app_root: Path) -> LocalSettings:
    path = app_root / _FILE
    if not path.is_file():
        return LocalSettings()
    content = read_json_object(path)
    if content.get("IsEncrypted", True):
        raise HostRefused(
            f"{path} counts as encrypted, because IsEncrypted is true or missing. "
            'Decrypt it with `func settings decrypt`, or write "IsEncrypted": false.'
        )
    host = content.get("Host") or {}
    origins = tuple(origin.strip() for origin in str(host.get("CORS") or "").split(",") if origin.strip())
    return LocalSettings(
        values={**_texts(path, content, "Values"), **_connection_strings(path, content)},
        port=int(host.get("LocalHttpPort") or 7071),
        address=host.get("LocalHttpAddress") or "127.0.0.1",
        cors_origins=origins,
        cors_credentials=bool(host.get("CORSCredentials")),
    )


def apply_local_settings(settings: LocalSettings, environment: MutableMapping[str, str]) -> None:
    """Add what the environment does not already say; a value that is set and not empty wins over the file."""
    for name, value in settings.values.items():
        if not environment.get(name):
            environment[name] = value
    environment["AZURE_FUNCTIONS_ENVIRONMENT"] = "Development"


def read_json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as exc:
        raise HostRefused(f"{path} is not valid JSON: {exc}") from exc
    if not isinstance(content, dict):
        raise HostRefused(f"{path} must hold a JSON object")
    return content


def _texts(path: Path, content: dict[str, Any], section: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in (content.get(section) or {}).items():
        if value is None:
            continue
        if isinstance(value, dict | list):
            raise HostRefused(f"{path}: {section}.{name} must be a string")
        values[name] = value if isinstance(value, str) else json.dumps(value)
    return values


def _connection_strings(path: Path, content: dict[str, Any]) -> dict[str, str]:
    plain = {
        name: entry.get("ConnectionString") if isinstance(entry, dict) else entry
        for name, entry in (content.get("ConnectionStrings") or {}).items()
    }
    texts = _texts(path, {"ConnectionStrings": plain}, "ConnectionStrings")
    return {f"ConnectionStrings:{name}": value for name, value in texts.items()}
