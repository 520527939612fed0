"""
Log lines as operators read them: an event and its facts.

The Functions worker sends a record's text to the host and drops what stands beside it, so the facts go into the text.
"""

import logging
from typing import Final

USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LinesWithFacts(logging.Formatter):
    """`job failed for good queue=mail-live job=fetch_message.v1`, and the stack of an exception below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        facts = "".join(f" {name}={value}" for name, value in vars(record).items() if name not in USUAL)
        return super().formatMessage(record) + facts


def show_facts() -> None:
    """Have handlers write facts that nobody has told how to write: the worker's. Doing it again changes nothing."""
    for handler in logging.getLogger().handlers:
        if handler.formatter is None:
            handler.setFormatter(LinesWithFacts())
