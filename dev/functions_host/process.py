"""Replacing this process by a fresh copy of itself, as Azure restarts a language worker, and what the copy inherits."""

import json
import os
import socket
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NoReturn, Self

from dev.functions_host.errors import HostRefused

_VARIABLE: Final = "FUNCTIONS_HOST_INHERITED"
HTTP_GROUP: Final = "http"
REFUSED_CODE: Final = 2  # the exit code of a host that will not start, whatever is tried


@dataclass(frozen=True, slots=True)
class Inherited:
    """
    What a host process gets from the one before it, or from its supervisor.

    `group` is `http` or the name of a function, None for all; the numbers are open file descriptors.
    """

    group: str | None = None
    listening: int | None = None
    control: int | None = None

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> Self:
        return cls(**json.loads(environment.pop(_VARIABLE, "{}")))

    def as_environment(self) -> dict[str, str]:
        return {_VARIABLE: json.dumps(asdict(self))}

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(number for number in (self.listening, self.control) if number is not None)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The environment and folder in which this process was started, before settings were applied to them."""

    environment: Mapping[str, str]
    folder: Path

    @classmethod
    def now(cls) -> Self:
        return cls(dict(os.environ), Path.cwd())

    def again(self, inherited: Inherited) -> NoReturn:
        """Start this program anew in this process: same number, same socket, nothing left in memory."""
        for number in inherited.descriptors:
            os.set_inheritable(number, True)  # noqa: FBT003 (the function takes no keyword)
        sys.stdout.flush()
        sys.stderr.flush()
        os.chdir(self.folder)
        environment = {**self.environment, **inherited.as_environment()}
        os.execve(sys.executable, command(), environment)  # noqa: S606 (our own command line)


def command() -> list[str]:
    return [sys.executable, *sys.orig_argv[1:]]


def bind(address: str, port: int) -> socket.socket:
    """Bind without listening: until the app is loaded, connections are refused."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address, port))
    except OSError as exc:
        bound.close()
        raise HostRefused(f"{address}:{port} cannot be served ({exc.strerror}); choose another --port, or 0") from exc
    return bound
