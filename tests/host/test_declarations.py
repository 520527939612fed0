"""What the real worker accepts and refuses, row by row (measured against worker 4.34 on Python 3.11)."""

import functools
import typing
from collections.abc import Callable
from typing import Any

import azure.functions as func
import pytest

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import index_functions
from dev.functions_host.errors import ApplicationRefused

Decorate = Callable[[func.FunctionApp], Any]

http = dict(route="x")
queue = dict(arg_name="msg", queue_name="jobs", connection="C")
out_queue = dict(arg_name="out", queue_name="jobs", connection="C")
timer = dict(arg_name="t", schedule="0 * * * * *")


def accepts(declare: Decorate) -> bool:
    app = func.FunctionApp()
    declare(app)
    try:
        index_functions(app, AppSettings({}))
    except ApplicationRefused:
        return False
    return True


def with_out(annotation: Any) -> Decorate:
    def declare(app: func.FunctionApp) -> None:
        def f(req: func.HttpRequest, out: Any) -> func.HttpResponse: ...

        if annotation is None:
            del f.__annotations__["out"]
        else:
            f.__annotations__["out"] = annotation
        app.queue_output(**out_queue)(app.route(**http)(f))

    return declare


def returning(annotation: Any, *, missing: bool = False) -> Decorate:
    def declare(app: func.FunctionApp) -> None:
        def f(req: func.HttpRequest): ...

        if not missing:
            f.__annotations__["return"] = annotation
        app.route(**http)(f)

    return declare


def returning_to_queue(annotation: Any, *, missing: bool = False) -> Decorate:
    def declare(app: func.FunctionApp) -> None:
        def f(t: func.TimerRequest): ...

        if not missing:
            f.__annotations__["return"] = annotation
        app.queue_output(**{**out_queue, "arg_name": "$return"})(app.timer_trigger(**timer)(f))

    return declare


def queue_message(annotation: Any, *, returns: Any = None) -> Decorate:
    def declare(app: func.FunctionApp) -> None:
        def f(msg): ...

        f.__annotations__ = {"msg": annotation} if annotation else {}
        if returns:
            f.__annotations__["return"] = returns
        app.queue_trigger(**queue)(f)

    return declare


def timer_request(annotation: Any) -> Decorate:
    def declare(app: func.FunctionApp) -> None:
        def f(t): ...

        f.__annotations__ = {"t": annotation} if annotation else {}
        app.timer_trigger(**timer)(f)

    return declare


def route(f: Callable[..., Any]) -> Decorate:
    return lambda app: app.route(**http)(f)


class Context:
    """The worker looks at the name only."""


def extra_parameter(req: func.HttpRequest, more: int = 0) -> func.HttpResponse: ...
def no_binding_parameter() -> func.HttpResponse: ...
def plain_context(req: func.HttpRequest, context) -> func.HttpResponse: ...
def typed_context(req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...
def own_context(req: func.HttpRequest, context: Context) -> func.HttpResponse: ...
def text_context(req: func.HttpRequest, context: str) -> func.HttpResponse: ...
def other_name_for_context(req: func.HttpRequest, ctx: func.Context) -> func.HttpResponse: ...
def request_of_another_class(req: dict) -> func.HttpResponse: ...
def out_request(req: func.Out[func.HttpRequest]) -> func.HttpResponse: ...
def unresolvable(req: "func.HttpRequest", context: "Missing") -> func.HttpResponse: ...  # type: ignore[name-defined]  # noqa: F821 (that is the point)


def real(req: func.HttpRequest) -> func.HttpResponse: ...


@functools.wraps(real)
def wrapper(*arguments: Any, **named: Any) -> Any: ...


ACCEPTED = {
    "Out[str]": with_out(func.Out[str]),
    "Out[bytes]": with_out(func.Out[bytes]),
    "Out[typing.List[str]]": with_out(func.Out[typing.List[str]]),  # noqa: UP006 (the worker tells them apart)
    "Out[QueueMessage]": with_out(func.Out[func.QueueMessage]),
    "an output without annotation": with_out(None),
    "http returning HttpResponse": returning(func.HttpResponse),
    "http returning str": returning(str),
    "http without return annotation": returning(None, missing=True),
    "queue with a return annotation and no $return": queue_message(func.QueueMessage, returns=dict),
    "queue with a Union return and no $return": queue_message(func.QueueMessage, returns=int | None),
    "$return to a queue as str": returning_to_queue(str),
    "$return to a queue without annotation": returning_to_queue(None, missing=True),
    "queue message as QueueMessage": queue_message(func.QueueMessage),
    "queue message as str": queue_message(str),
    "queue message as bytes": queue_message(bytes),
    "queue message without annotation": queue_message(None),
    "timer as TimerRequest": timer_request(func.TimerRequest),
    "timer as str": timer_request(str),
    "timer without annotation": timer_request(None),
    "context without annotation": route(plain_context),
    "context as func.Context": route(typed_context),
    "context as any class named Context": route(own_context),
    "functools.wraps": route(wrapper),
}
REFUSED = {
    "Out[list[str]]": with_out(func.Out[list[str]]),
    "Out[list]": with_out(func.Out[list]),
    "Out[List[QueueMessage]]": with_out(func.Out[typing.List[func.QueueMessage]]),  # noqa: UP006 (as above)
    "bare Out": with_out(func.Out),
    "an output as str": with_out(str),
    "an input as Out": route(out_request),
    "http returning X | None": returning(func.HttpResponse | None),
    "http returning Union": returning(typing.Union[func.HttpResponse, str]),  # noqa: UP007 (the other spelling)
    "http returning None": returning(None),
    "http returning dict": returning(dict),
    "$return to a queue as List[str]": returning_to_queue(typing.List[str]),  # noqa: UP006 (as above)
    "$return to a queue as list": returning_to_queue(list),
    "queue message as dict": queue_message(dict),
    "an extra parameter with a default": route(extra_parameter),
    "no parameter for a binding": route(no_binding_parameter),
    "context as str": route(text_context),
    "context under another name": route(other_name_for_context),
    "a request of another class": route(request_of_another_class),
    "a name that type hints cannot resolve": route(unresolvable),
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_the_host_accepts_what_the_worker_accepts(row: str) -> None:
    assert accepts(ACCEPTED[row])


@pytest.mark.parametrize("row", REFUSED)
def test_the_host_refuses_what_the_worker_refuses(row: str) -> None:
    assert not accepts(REFUSED[row])


def test_two_functions_with_one_name_are_refused() -> None:
    def declare(app: func.FunctionApp) -> None:
        app.function_name("same")(app.route(**http)(real))
        app.function_name("same")(app.route(route="y")(typed_context))

    assert not accepts(declare)


def test_two_triggers_on_one_function_are_refused() -> None:
    app = func.FunctionApp()
    with pytest.raises(ValueError, match="trigger"):
        app.timer_trigger(**timer)(app.route(**http)(real))


def test_a_function_without_a_trigger_is_refused() -> None:
    assert not accepts(lambda app: app.queue_output(**out_queue)(lambda out: None))


@pytest.mark.parametrize(
    ("policy", "is_accepted"),
    [
        ({"strategy": "fixed_delay", "max_retry_count": "3", "delay_interval": "00:00:10"}, True),
        ({"strategy": "fixed_delay", "max_retry_count": "-1", "delay_interval": "00:00:10"}, True),
        ({"strategy": "fixed_delay", "max_retry_count": "many", "delay_interval": "00:00:10"}, False),
        ({"strategy": "fixed_delay", "max_retry_count": "3", "delay_interval": "10"}, False),
        ({"strategy": "fixed_delay", "max_retry_count": "3"}, False),
        (
            {
                "strategy": "exponential_backoff",
                "max_retry_count": "3",
                "minimum_interval": "00:00:01",
                "maximum_interval": "00:01:00",
            },
            True,
        ),
        ({"strategy": "exponential_backoff", "max_retry_count": "3", "minimum_interval": "00:00:01"}, False),
    ],
)
def test_a_retry_policy_is_read_as_the_worker_reads_it(policy: dict[str, str], is_accepted: bool) -> None:
    def declare(app: func.FunctionApp) -> None:
        def f(t: func.TimerRequest) -> None: ...

        app.retry(**policy)(app.timer_trigger(**timer)(f))

    assert accepts(declare) is is_accepted


def test_functions_come_in_the_order_of_their_names_whatever_their_case() -> None:
    app = func.FunctionApp()
    for name in ("b", "_a", "A", "Zz"):
        app.function_name(name)(app.route(route=name)(lambda req: None))
    assert [function.name for function in index_functions(app, AppSettings({}))] == ["A", "b", "Zz", "_a"]
