"""What a line says where the handler knows only its text, as the Functions worker's does."""

import logging
from collections.abc import Iterator

import pytest

from shared.log_lines import show_facts


class Worker(logging.Handler):
    """Takes lines as the worker does: formatted, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def worker() -> Iterator[Worker]:
    handler = Worker()
    logging.getLogger().addHandler(handler)
    show_facts()
    yield handler
    logging.getLogger().removeHandler(handler)


def test_a_line_has_its_facts(worker: Worker) -> None:
    logging.getLogger("mail").warning("account stopped", extra={"account_id": "42", "state": "suspended"})
    assert worker.lines == ["account stopped account_id=42 state=suspended"]


def test_an_exception_stands_below_the_facts(worker: Worker) -> None:
    try:
        int("why")
    except ValueError:
        logging.getLogger("mail").exception("request failed", extra={"status": 500})
    first, *stack = worker.lines[0].splitlines()
    assert first == "request failed status=500"
    assert stack[-1].startswith("ValueError: ")


def test_a_handler_that_has_its_own_lines_keeps_them(worker: Worker) -> None:
    own = logging.Formatter("own: %(message)s")
    worker.setFormatter(own)
    show_facts()
    assert worker.formatter is own
