"""What the real worker accepts and refuses: the recorded annotations, and whole declarations (worker 4.34)."""

import functools

import azure.functions as func
import pytest

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import AppFunction, index_functions
from dev.functions_host.errors import ApplicationRefused
from tests.host.declared import KNOWN, Row, read_declarations


def real(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.method)


@functools.wraps(real)
def wrapper(*_arguments: object, **_named: object) -> object:
    return None


def index(code: str) -> list[AppFunction]:
    """Run declarations on a new `app`, and index it."""
    app = func.FunctionApp()
    exec(code, {**KNOWN, "app": app, "wrapper": wrapper, "real": real})  # noqa: S102 (rows of these tests)
    return index_functions(app, AppSettings({}))


def http(signature: str) -> str:
    return f"""
@app.route("x")
def f{signature}: ...
"""


def retry(**policy: str) -> str:
    return f"""
@app.retry(**{policy})
@app.timer_trigger("t", schedule="0 * * * * *")
def f(t: func.TimerRequest): ...
"""


ACCEPTED = {
    "functools.wraps": 'app.route("x")(wrapper)',
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
    "an extra parameter with a default": http("(req: func.HttpRequest, more: int = 0) -> str"),
    "no parameter for a binding": http("() -> str"),
    "context under another name": http("(req: func.HttpRequest, ctx: func.Context) -> str"),
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


@pytest.mark.parametrize("row", read_declarations(), ids=str)
def test_the_host_judges_a_recorded_annotation_as_the_worker_did(row: Row) -> None:
    if row.is_accepted:
        assert len(index(row.code)) == 1
        return
    with pytest.raises(ApplicationRefused):
        index(row.code)


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
