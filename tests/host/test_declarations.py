"""What the real worker accepts and refuses, row by row (measured against worker 4.34 on Python 3.11)."""

import functools
import typing

import azure.functions as func
import pytest

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import AppFunction, index_functions
from dev.functions_host.errors import ApplicationRefused


class Context:
    """The worker looks at the name only."""


def real(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.method)


@functools.wraps(real)
def wrapper(*_arguments: object, **_named: object) -> object:
    return None


def index(code: str) -> list[AppFunction]:
    """Run declarations on a new `app`, and index it."""
    app = func.FunctionApp()
    known = {"app": app, "func": func, "typing": typing, "Context": Context, "wrapper": wrapper, "real": real}
    exec(code, known)  # noqa: S102 (rows of this file)
    return index_functions(app, AppSettings({}))


def out(annotation: str) -> str:
    return f"""
@app.route("x")
@app.queue_output("out", queue_name="jobs", connection="C")
def f(req: func.HttpRequest, out{annotation}) -> func.HttpResponse: ...
"""


def http(signature: str) -> str:
    return f"""
@app.route("x")
def f{signature}: ...
"""


def queue(signature: str) -> str:
    return f"""
@app.queue_trigger("msg", queue_name="jobs", connection="C")
def f{signature}: ...
"""


def queue_return(annotation: str) -> str:
    return f"""
@app.timer_trigger("t", schedule="0 * * * * *")
@app.queue_output("$return", queue_name="jobs", connection="C")
def f(t: func.TimerRequest){annotation}: ...
"""


def timer(annotation: str) -> str:
    return f"""
@app.timer_trigger("t", schedule="0 * * * * *")
def f(t{annotation}): ...
"""


def retry(**policy: str) -> str:
    return f"""
@app.retry(**{policy})
@app.timer_trigger("t", schedule="0 * * * * *")
def f(t: func.TimerRequest): ...
"""


ACCEPTED = {
    "Out[str]": out(": func.Out[str]"),
    "Out[bytes]": out(": func.Out[bytes]"),
    "Out[typing.List[str]]": out(": func.Out[typing.List[str]]"),
    "Out[QueueMessage]": out(": func.Out[func.QueueMessage]"),
    "an output without annotation": out(""),
    "http returning HttpResponse": http("(req: func.HttpRequest) -> func.HttpResponse"),
    "http returning str": http("(req: func.HttpRequest) -> str"),
    "http without return annotation": http("(req: func.HttpRequest)"),
    "http without any annotation": http("(req)"),
    "queue with a return annotation and no $return": queue("(msg: func.QueueMessage) -> dict"),
    "queue with a Union return and no $return": queue("(msg: func.QueueMessage) -> int | None"),
    "$return to a queue as str": queue_return(" -> str"),
    "$return to a queue without annotation": queue_return(""),
    "queue message as QueueMessage": queue("(msg: func.QueueMessage)"),
    "queue message as str": queue("(msg: str)"),
    "queue message as bytes": queue("(msg: bytes)"),
    "queue message without annotation": queue("(msg)"),
    "timer as TimerRequest": timer(": func.TimerRequest"),
    "timer as str": timer(": str"),
    "timer without annotation": timer(""),
    "context without annotation": http("(req: func.HttpRequest, context) -> str"),
    "context as func.Context": http("(req: func.HttpRequest, context: func.Context) -> str"),
    "context as any class named Context": http("(req: func.HttpRequest, context: Context) -> str"),
    "functools.wraps": 'app.route("x")(wrapper)',
    "a hint as text": http("(req: 'func.HttpRequest') -> 'func.HttpResponse'"),
    "fixed delay": retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:10"),
    "fixed delay without end": retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:10"),
    "growing delay": retry(
        strategy="exponential_backoff",
        max_retry_count="3",
        minimum_interval="00:00:01",
        maximum_interval="00:01:00",
    ),
}
REFUSED = {
    "Out[list[str]]": out(": func.Out[list[str]]"),
    "Out[list]": out(": func.Out[list]"),
    "Out[List[QueueMessage]]": out(": func.Out[typing.List[func.QueueMessage]]"),
    "bare Out": out(": func.Out"),
    "an output as str": out(": str"),
    "an input as Out": http("(req: func.Out[func.HttpRequest]) -> str"),
    "http returning X | None": http("(req: func.HttpRequest) -> func.HttpResponse | None"),
    "http returning Union": http("(req: func.HttpRequest) -> typing.Union[func.HttpResponse, str]"),
    "http returning None": http("(req: func.HttpRequest) -> None"),
    "http returning dict": http("(req: func.HttpRequest) -> dict"),
    "$return to a queue as List[str]": queue_return(" -> typing.List[str]"),
    "$return to a queue as list": queue_return(" -> list"),
    "queue message as dict": queue("(msg: dict)"),
    "an extra parameter with a default": http("(req: func.HttpRequest, more: int = 0) -> str"),
    "no parameter for a binding": http("() -> str"),
    "context as str": http("(req: func.HttpRequest, context: str) -> str"),
    "context under another name": http("(req: func.HttpRequest, ctx: func.Context) -> str"),
    "a request of another class": http("(req: dict) -> str"),
    "a name that type hints cannot resolve": http("(req: 'Missing') -> str"),
    "two functions with one name": http("(req)") + http("(req)"),
    "a function without a trigger": '@app.queue_output("out", queue_name="q", connection="C")\ndef f(out): ...',
    "a count of retries that is no number": retry(
        strategy="fixed_delay", max_retry_count="many", delay_interval="00:00:10"
    ),
    "a delay that is no time": retry(strategy="fixed_delay", max_retry_count="3", delay_interval="10"),
    "a fixed delay without the delay": retry(strategy="fixed_delay", max_retry_count="3"),
    "a growing delay without its end": retry(
        strategy="exponential_backoff", max_retry_count="3", minimum_interval="00:00:01"
    ),
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_the_host_accepts_what_the_worker_accepts(row: str) -> None:
    assert len(index(ACCEPTED[row])) == 1


@pytest.mark.parametrize("row", REFUSED)
def test_the_host_refuses_what_the_worker_refuses(row: str) -> None:
    with pytest.raises(ApplicationRefused):
        index(REFUSED[row])


def test_two_triggers_on_one_function_are_refused_where_they_are_written() -> None:
    with pytest.raises(ValueError, match="trigger"):
        index('@app.route("x")\n@app.timer_trigger("t", schedule="0 * * * * *")\ndef f(req, t): ...')


def test_functions_come_in_the_order_of_their_names_whatever_their_case() -> None:
    code = "".join(f"@app.route('{name}')\ndef {name}(req): ...\n" for name in ("b", "_a", "A", "Zz"))
    assert [function.name for function in index(code)] == ["A", "b", "Zz", "_a"]
