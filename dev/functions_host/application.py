"""Loading a v2 app as the real worker does: one module, one FunctionApp, every declaration checked."""

import importlib
import inspect
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import azure.functions as func

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.declarations import Binding, RetryPolicy, Signature, read_signature, retry_policy_from
from dev.functions_host.errors import ApplicationRefused

log = logging.getLogger(__name__)

HTTP_TRIGGER: Final = "httpTrigger"
QUEUE_TRIGGER: Final = "queueTrigger"
TIMER_TRIGGER: Final = "timerTrigger"
_RUNNABLE: Final = {HTTP_TRIGGER, QUEUE_TRIGGER, TIMER_TRIGGER, "http", "queue"}


@dataclass(frozen=True, slots=True)
class AppFunction:
    """One function of the app: what to call, when, and with what."""

    name: str
    call: Callable[..., Any]
    folder: str
    is_async: bool
    trigger: Binding
    bindings: tuple[Binding, ...]
    signature: Signature
    retry: RetryPolicy | None
    is_disabled: bool

    @property
    def is_http(self) -> bool:
        return self.trigger.kind == HTTP_TRIGGER

    @property
    def foreign_bindings(self) -> list[str]:
        """The kinds of binding that this host does not run."""
        return sorted({binding.kind for binding in self.bindings} - _RUNNABLE)


def load_application(app_root: Path, settings: AppSettings) -> list[AppFunction]:
    """
    Import the app and index it; functions come in the order of their names, in which the host matches routes.

    Changes the working directory and the import path to what the app finds in the real worker.
    Raise ApplicationRefused with the worker's reason.
    """
    script = settings.get("PYTHON_SCRIPT_FILE_NAME") or "function_app.py"
    if not (app_root / script).is_file():
        raise ApplicationRefused(f"{app_root / script} not found: only apps of the v2 model are run")
    _enter(app_root)
    module = importlib.import_module(Path(script).stem)
    return index_functions(_single_app(module, script), settings)


def index_functions(app: func.FunctionRegister, settings: AppSettings) -> list[AppFunction]:
    """Check and list what an app declares; call it once per app, as the library demands."""
    try:
        declared = app.get_functions()
    except (TypeError, ValueError) as exc:
        raise ApplicationRefused(str(exc)) from exc
    functions = [_indexed(function, settings) for function in declared]
    return sorted(functions, key=lambda function: function.name.upper())


def _enter(app_root: Path) -> None:
    """Make `app_root` the working directory and the last place for imports, and no other checkout the first."""
    started_in = str(Path.cwd())
    sys.path[:] = [entry for entry in sys.path if entry not in {"", started_in, str(app_root)}]
    sys.path.append(str(app_root))
    os.chdir(app_root)


def _single_app(module: object, script: str) -> func.FunctionRegister:
    found = [value for name in dir(module) if isinstance(value := getattr(module, name, None), func.FunctionRegister)]
    if not found:
        raise ApplicationRefused(f"Could not find top level function app instances in {script}.")
    if len(found) > 1:
        raise ApplicationRefused(f"More than one top level function app instance in {script}.")
    return found[0]


def _indexed(declared: Any, settings: AppSettings) -> AppFunction:  # noqa: ANN401 (a class that the library hides)
    name: str = declared.get_function_name()
    call = declared.get_user_function()
    bindings = tuple(_binding(json.loads(raw)) for raw in declared.get_raw_bindings())
    for binding in bindings:
        if binding.properties.get("direction") == "INOUT":
            raise ApplicationRefused(f'cannot load the {name} function: "inout" bindings are not supported')
    trigger_name = declared.get_trigger().name
    return AppFunction(
        name=name,
        call=call,
        folder=str(Path(inspect.getfile(call)).parent),
        is_async=inspect.iscoroutinefunction(call),
        trigger=next(binding for binding in bindings if binding.name == trigger_name and not binding.is_output),
        bindings=bindings,
        signature=read_signature(name, call, bindings),
        retry=retry_policy_from(name, declared.get_settings_dict("retry_policy")),
        is_disabled=settings.is_true(f"AzureWebJobs.{name}.Disabled")
        or settings.is_true(f"AzureWebJobs_{name}_Disabled"),
    )


def _binding(raw: dict[str, Any]) -> Binding:
    return Binding(raw["name"], raw["type"], is_output=raw["direction"] == "OUT", properties=raw)
