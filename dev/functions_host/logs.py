"""Log lines on standard error: the host's own, and the app's with the name of the function that wrote them."""

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

invocation_name: ContextVar[str | None] = ContextVar("invocation_name", default=None)

_HOST: Final = "dev.functions_host"
_LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
LEVEL_NAMES: Final = tuple(_LEVELS)
_STANDARD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# The HTTP client of the storage SDK logs every request, several a second for each polled queue.
_CHATTY: Final = ("azure", "uvicorn", "asyncio")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        level = f"{record.levelname.lower()}: " if record.levelno != logging.INFO else ""
        name = "" if record.name.startswith(_HOST) else f"[{invocation_name.get() or record.name}] "
        fields = "".join(f" {key}={value}" for key, value in vars(record).items() if key not in _STANDARD_FIELDS)
        text = f"[{at}] {name}{level}{record.getMessage()}{fields}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return text


def configure_logging(level: str) -> None:
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_Lines())
    logging.basicConfig(handlers=[lines], level=_LEVELS.get(level.lower(), logging.INFO), force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
