"""
The product's own declarations, read with Microsoft's library alone, against what its host and worker are known to take.

Nothing of `dev/functions_host` takes part: what only our host understands would be seen here.
"""

import inspect
import json
import re
import runpy
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.host.declared import read_declarations
from tests.host.hosting import ROOT

RETURN: Final = "$return"
PLACES: Final = {"httpTrigger": "http request", "queueTrigger": "queue message", "timerTrigger": "timer"}
# Of each binding, the properties that the host documents and the product may set.
PROPERTIES: Final = {
    "httpTrigger": {"methods", "authLevel", "route"},
    "http": set(),
    "queueTrigger": {"queueName", "connection"},
    "timerTrigger": {"schedule", "runOnStartup", "useMonitor"},
}
EXAMPLES: Final = {"guid": "6f1c0a9e-6a53-4f0e-9a52-1b6a1c9f0a11"}
PARAMETER: Final = re.compile(r"{(?P<name>\w+)(?::(?P<constraint>\w+))?}")
PLACEHOLDER: Final = re.compile("%([^%]+)%")
ROWS: Final = read_declarations()


@dataclass(frozen=True)
class Declared:
    name: str
    call: Callable[..., Any]
    bindings: dict[str, dict[str, Any]]  # by name
    retry: object

    def __str__(self) -> str:
        return self.name

    @property
    def trigger(self) -> dict[str, Any]:
        [trigger] = [binding for binding in self.bindings.values() if binding["type"].endswith("Trigger")]
        return trigger

    @property
    def is_http(self) -> bool:
        return "httpTrigger" in {binding["type"] for binding in self.bindings.values()}


def read_product() -> list[Declared]:
    """Index the app afresh; in the order in which the host matches routes."""
    app = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    found = []
    for function in app.get_functions():
        bindings = {binding["name"]: binding for binding in map(json.loads, function.get_raw_bindings())}
        name, retry = function.get_function_name(), function.get_settings_dict("retry_policy")
        found.append(Declared(name, function.get_user_function(), bindings, retry))
    return sorted(found, key=lambda function: function.name.upper())


PRODUCT: Final = read_product()
OVER_HTTP: Final = [function for function in PRODUCT if function.is_http]


def is_taken(place: str, hint: object) -> bool:
    return any(row.is_accepted and row.is_of(place, hint) for row in ROWS)


@pytest.mark.parametrize("function", PRODUCT, ids=str)
def test_a_function_declares_what_is_recorded_as_taken(function: Declared) -> None:
    hints = typing.get_type_hints(function.call)
    inputs = {name: binding for name, binding in function.bindings.items() if name != RETURN}
    parameters = set(inspect.signature(function.call).parameters)
    assert parameters - {"context"} == inputs.keys()
    for name, binding in inputs.items():
        assert is_taken(PLACES[binding["type"]], hints[name]), f"{name}: {hints[name]}"
    assert "context" not in parameters or is_taken("context", hints["context"])
    if function.is_http:
        assert is_taken("http return", hints["return"])
    else:
        assert hints["return"] is type(None)  # any value would fail the invocation


@pytest.mark.parametrize("function", PRODUCT, ids=str)
def test_a_function_has_one_trigger_and_nothing_that_only_some_hosts_run(function: Declared) -> None:
    returned = {name: binding["type"] for name, binding in function.bindings.items() if name == RETURN}
    assert returned == ({RETURN: "http"} if function.is_http else {})
    assert function.bindings.keys() - {RETURN} == {function.trigger["name"]}
    for binding in function.bindings.values():
        assert binding.keys() - {"name", "type", "direction"} <= PROPERTIES[binding["type"]]
    assert not function.retry  # a queue has its dequeue count, a timer its next time


@pytest.mark.parametrize("function", PRODUCT, ids=str)
def test_the_worker_sees_a_coroutine_where_there_is_one(function: Declared) -> None:
    assert inspect.iscoroutinefunction(function.call)


def test_names_differ_by_more_than_their_case() -> None:
    assert len({function.name.upper() for function in PRODUCT}) == len(PRODUCT) > 0


def pattern(route: str) -> re.Pattern[str]:
    """Return what the host takes for a route, for the constraints that `EXAMPLES` knows."""
    literals = PARAMETER.split(route)[::3]
    parameters = [re.escape(EXAMPLES[match["constraint"]]) for match in PARAMETER.finditer(route)]
    text = re.escape(literals[0])
    for taken, literal in zip(parameters, literals[1:], strict=True):
        text += taken + re.escape(literal)
    return re.compile(text, re.IGNORECASE)


@pytest.mark.parametrize("function", OVER_HTTP, ids=str)
def test_a_route_is_reached_although_the_first_name_that_matches_wins(function: Declared) -> None:
    route = function.trigger["route"]
    path = PARAMETER.sub(lambda match: EXAMPLES[match["constraint"]], route)
    assert not path.lower().startswith(("admin", "runtime"))
    for method in function.trigger["methods"]:
        takers = [
            other.name
            for other in OVER_HTTP
            if method in other.trigger["methods"] and pattern(other.trigger["route"]).fullmatch(path)
        ]
        assert takers == [function.name]


def test_what_bindings_ask_of_the_settings_is_in_the_sample() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    asked = {
        binding["connection"]
        for function in PRODUCT
        for binding in function.bindings.values()
        if "connection" in binding
    }
    for function in PRODUCT:
        asked |= set(PLACEHOLDER.findall(json.dumps(function.trigger)))
    assert asked <= sample.keys()
    schedules = {sample[name] for name in asked if name.endswith("_SCHEDULE")}
    assert {len(schedule.split()) for schedule in schedules} == {6}  # five fields mean no seconds


def test_queues_have_names_that_storage_takes_and_one_function_each() -> None:
    queues = [function.trigger["queueName"] for function in PRODUCT if function.trigger["type"] == "queueTrigger"]
    assert len(set(queues)) == len(queues) > 0
    assert [name for name in queues if not re.fullmatch(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*", name)] == []
