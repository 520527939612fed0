"""Function, host and master keys, and which of them opens what."""

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dev.functions_host.http_messages import Request, query_from


@dataclass(frozen=True, slots=True)
class Keys:
    master: str
    host: str
    functions: dict[str, str]

    @classmethod
    def open(cls, path: Path, names: Iterable[str]) -> Self:
        """Read the keys, and make and save those that are missing."""
        saved = json.loads(path.read_text()) if path.is_file() else {}
        functions = saved.get("functions", {})
        keys = cls(
            saved.get("master") or secrets.token_urlsafe(40),
            saved.get("host") or secrets.token_urlsafe(40),
            {**functions, **{name: functions.get(name) or secrets.token_urlsafe(40) for name in names}},
        )
        keys._save(path)
        return keys

    def _save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(
            json.dumps({"master": self.master, "host": self.host, "functions": self.functions}, indent=2)
        )
        partial.replace(path)

    def open_function(self, request: Request, name: str, level: str) -> bool:
        if level == "ANONYMOUS":
            return True
        if level == "ADMIN":
            return self.opens_admin(request)
        return _is_one_of(_given(request), (self.functions.get(name, ""), self.host, self.master))

    def opens_admin(self, request: Request) -> bool:
        return _is_one_of(_given(request), (self.master,))


def _given(request: Request) -> str:
    return request.headers.get("x-functions-key") or query_from(request.query).get("code", "")


def _is_one_of(given: str, keys: Iterable[str]) -> bool:
    return bool(given) and any(hmac.compare_digest(given.encode(), key.encode()) for key in keys)
