"""The recorded table of declarations that Microsoft's worker takes, and a small app for each row."""

import json
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import azure.functions as func

RECORDED: Final = Path(__file__).parent / "recorded"

_CODE: Final = {
    "http request": '@app.route("x")\ndef f(req{parameter}): ...',
    "http return": '@app.route("x")\ndef f(req){returned}: ...',
    "context": '@app.route("x")\ndef f(req, context{parameter}): ...',
    "queue message": '@app.queue_trigger("msg", queue_name="jobs", connection="C")\ndef f(msg{parameter}): ...',
    "queue output": '@app.route("x")\n@app.queue_output("out", queue_name="jobs", connection="C")\n'
    "def f(req, out{parameter}): ...",
    "return without a binding": '@app.queue_trigger("msg", queue_name="jobs", connection="C")\n'
    "def f(msg){returned}: ...",
    "return to a queue": '@app.timer_trigger("t", schedule="0 * * * * *")\n'
    '@app.queue_output("$return", queue_name="jobs", connection="C")\ndef f(t){returned}: ...',
    "timer": '@app.timer_trigger("t", schedule="0 * * * * *")\ndef f(t{parameter}): ...',
}


class Context:
    """The worker looks at the name only."""


KNOWN: Final[dict[str, Any]] = {"func": func, "typing": typing, "Context": Context}


@dataclass(frozen=True)
class Row:
    place: str
    annotation: str | None
    is_accepted: bool

    def __str__(self) -> str:
        return f"{self.place}: {self.annotation or 'no annotation'}"

    @property
    def code(self) -> str:
        """Declarations on `app` that hold this row's annotation in its place, and no other."""
        text = self.annotation
        return _CODE[self.place].format(
            parameter="" if text is None else f": {text}", returned="" if text is None else f" -> {text}"
        )

    def is_of(self, place: str, hint: object) -> bool:
        """Return whether a function that has this resolved hint in this place declares what the row does."""
        return self.annotation is not None and self.place == place and hint == self._hint()

    def _hint(self) -> object:
        hint = eval(self.annotation or "None", dict(KNOWN))  # noqa: S307 - rows of our own table
        return type(None) if hint is None else hint


def read_declarations() -> list[Row]:
    content = json.loads((RECORDED / "declarations.json").read_text())
    return [Row(row["place"], row["annotation"], row["worker"] == "accepts") for row in content["rows"]]
