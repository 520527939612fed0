"""App settings as the host reads them from the environment."""

import re
from collections.abc import Mapping
from typing import Final

from dev.functions_host.errors import HostRefused

_PLACEHOLDER: Final = re.compile(r"%([^%]+)%")


class AppSettings:
    """Settings by name, whatever its case; `__` and `:` both separate the parts of a path."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._values = {_canonical(name): value for name, value in environment.items()}

    def get(self, name: str) -> str | None:
        """Return the setting, or None when it is absent or empty."""
        return self._values.get(_canonical(name)) or None

    def is_true(self, name: str) -> bool:
        return (self.get(name) or "").lower() in {"true", "1"}

    def paths_under(self, name: str) -> dict[tuple[str, ...], str]:
        """Return the settings below a path, by the lower-cased rest of their own path."""
        prefix = f"{_canonical(name)}:"
        return {
            tuple(path.removeprefix(prefix).split(":")): value
            for path, value in self._values.items()
            if path.startswith(prefix)
        }

    def resolve(self, text: str) -> str:
        """Replace every `%NAME%` in a binding's property; raise HostRefused when a setting is absent."""

        def value_of(found: re.Match[str]) -> str:
            if (value := self.get(found[1])) is None:
                raise HostRefused(f"'{found[0]}' does not resolve to a value: add the app setting {found[1]}")
            return value

        return _PLACEHOLDER.sub(value_of, text)


def _canonical(name: str) -> str:
    return name.replace("__", ":").lower()
