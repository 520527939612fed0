"""The command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from dev.functions_host.logs import LEVEL_NAMES

_LOCK_SECONDS: Final = 600
_FRONT_END_SECONDS: Final = 230


@dataclass(frozen=True, slots=True)
class Options:
    app: Path
    port: int | None
    address: str | None
    functions: tuple[str, ...]
    cors: str | None
    cors_credentials: bool
    enable_auth: bool
    separate_groups: bool
    state: Path | None
    log_level: str | None
    message_lock_seconds: int
    front_end_seconds: float
    drain_seconds: float

    @classmethod
    def from_arguments(cls, arguments: list[str] | None = None) -> Self:
        given = vars(_parser().parse_args(arguments))
        return cls(**{**given, "functions": tuple(given["functions"])})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.functions_host",
        description="Run an Azure Functions app of the Python v2 model without Azure.",
    )
    add = parser.add_argument
    add("--app", type=Path, default=Path(), metavar="DIR", help="folder of the app; upwards from here by default")
    add("--port", "-p", type=int, metavar="N", help="port to serve; 7071 by default, 0 picks a free one")
    add("--address", metavar="A", help="address to bind; 127.0.0.1 by default")
    add("--functions", nargs="*", default=[], metavar="NAME", help="load these functions only")
    add("--cors", metavar="ORIGINS", help="allowed origins, separated by commas; * for any")
    add("--cors-credentials", action="store_true", help="let those origins send cookies")
    add("--enable-auth", action="store_true", help="ask for the keys that the functions' auth levels demand")
    add("--separate-groups", action="store_true", help="one process for HTTP and one per queue or timer function")
    add("--state", type=Path, metavar="DIR", help="where keys are kept; .local/functions_host in the app by default")
    add("--log-level", choices=LEVEL_NAMES, metavar="LEVEL", help="lowest level shown: " + ", ".join(LEVEL_NAMES))
    add("--message-lock-seconds", type=int, default=_LOCK_SECONDS, metavar="N",
        help="how long a received queue message stays invisible; %(default)s, as in Azure")  # fmt: skip
    add("--front-end-seconds", type=float, default=_FRONT_END_SECONDS, metavar="N",
        help="give up on a response after this long; %(default)s, as in Azure")  # fmt: skip
    add("--drain-seconds", type=float, default=5, metavar="N", help="wait so long for running functions when stopped")
    return parser
