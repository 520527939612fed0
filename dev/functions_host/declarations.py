"""
What the real worker accepts as the signature of a function, checked with the library's own converters.

The rules are those of the Python worker 4.34; one refused function refuses the whole app.
"""

import inspect
import time
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from azure.functions._thirdparty import typing_inspect  # the worker reads hints with the same copy

from dev.functions_host.errors import ApplicationRefused
from dev.functions_host.generic_converter import GENERIC, converter_for


@dataclass(frozen=True, slots=True)
class Binding:
    """A declared binding; `properties` are those of function.json, in camel case."""

    name: str
    kind: str
    is_output: bool
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signature:
    """Which converter serves each parameter: the kind of its binding, or `generic` for str and bytes."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    wants_context: bool
    has_return_binding: bool


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`maximum` is -1 for no end; with `delay_seconds` None the delay grows between the other two."""

    maximum: int
    delay_seconds: float | None
    shortest_seconds: float
    longest_seconds: float


def read_signature(name: str, call: Callable[..., Any], bindings: typing.Sequence[Binding]) -> Signature:
    """Check a function against its bindings; raise ApplicationRefused with the reason."""
    try:
        return _read_signature(name, call, bindings)
    except (TypeError, NameError, AttributeError, ValueError) as exc:
        # The worker lets these through as they are: a hint that cannot be resolved, or that is no class.
        raise _refused(name, f"{type(exc).__name__}: {exc}") from exc


def _read_signature(name: str, call: Callable[..., Any], bindings: typing.Sequence[Binding]) -> Signature:
    parameters = dict(inspect.signature(call).parameters)
    hints = typing.get_type_hints(call)
    bound = {binding.name: binding for binding in bindings if binding.name != "$return"}
    wants_context = "context" in parameters and "context" not in bound
    if wants_context:
        del parameters["context"]
        _check_context(name, hints)
    if extra := parameters.keys() - bound.keys():
        raise _refused(name, f"parameters without a binding: {', '.join(sorted(extra))}")
    if missing := bound.keys() - parameters.keys():
        raise _refused(name, f"bindings without a parameter: {', '.join(sorted(missing))}")
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    for parameter in parameters:
        binding = bound[parameter]
        kind = _checked_kind(name, binding, hints)
        (outputs if binding.is_output else inputs)[parameter] = kind
    returned = next((binding for binding in bindings if binding.name == "$return"), None)
    if returned and "return" in hints:
        _check_return(name, returned, hints["return"])
    return Signature(inputs, outputs, wants_context, has_return_binding=returned is not None)


def _checked_kind(name: str, binding: Binding, hints: Mapping[str, Any]) -> str:
    if binding.name not in hints:
        return binding.kind
    hint = hints[binding.name]
    is_out = _is_out(hint)
    value_type = _out_type(name, binding, hint) if is_out else hint
    if not isinstance(value_type, type) and not typing_inspect.is_generic_type(value_type):
        raise _refused(name, f"binding {binding.name} has invalid non-type annotation {hint!r}")
    if binding.is_output != is_out:
        direction = "an output, so its annotation must be" if binding.is_output else "an input, so it cannot be"
        raise _refused(name, f"binding {binding.name} is {direction} a func.Out")
    kind = GENERIC if value_type in (str, bytes) else binding.kind
    converter = converter_for(kind)
    check = converter.check_output_type_annotation if is_out else converter.check_input_type_annotation
    if not check(value_type):
        raise _refused(name, f"the annotation {hint!r} of {binding.name} does not suit its binding {binding.kind}")
    return kind


def _is_out(hint: object) -> bool:
    origin = typing_inspect.get_origin(hint) if typing_inspect.is_generic_type(hint) else None
    named = origin if origin is not None else hint
    return isinstance(named, type) and named.__name__ == "Out"


def _out_type(name: str, binding: Binding, hint: object) -> Any:  # noqa: ANN401 (a type hint)
    arguments = typing_inspect.get_args(hint)
    if len(arguments) != 1:
        raise _refused(name, f"binding {binding.name} has invalid Out annotation {hint!r}")
    return arguments[0]


def _check_context(name: str, hints: Mapping[str, Any]) -> None:
    hint = hints.get("context", func.Context)
    if not isinstance(hint, type) or hint.__name__ != "Context":
        raise _refused(name, f"the parameter context must be an azure.functions.Context, not {hint!r}")


def _check_return(name: str, binding: Binding, hint: object) -> None:
    if not isinstance(hint, type):
        raise _refused(name, f"invalid non-type return annotation {hint!r}")
    if not converter_for(binding.kind).check_output_type_annotation(hint):
        raise _refused(name, f"the return annotation {hint!r} does not suit the binding {binding.kind}")


def retry_policy_from(name: str, settings: Mapping[str, Any] | None) -> RetryPolicy | None:
    if not settings:
        return None
    try:
        maximum = int(settings["max_retry_count"])
        if settings.get("strategy") == "fixed_delay":
            return RetryPolicy(maximum, _clock_seconds(settings["delay_interval"]), 0, 0)
        shortest, longest = (_clock_seconds(settings[key]) for key in ("minimum_interval", "maximum_interval"))
    except (KeyError, TypeError, ValueError) as exc:
        raise _refused(name, f"its retry policy cannot be read: {exc!r}") from exc
    return RetryPolicy(maximum, None, shortest, longest)


def _clock_seconds(text: str) -> float:
    at = time.strptime(text, "%H:%M:%S")
    return at.tm_hour * 3600 + at.tm_min * 60 + at.tm_sec


def _refused(name: str, reason: str) -> ApplicationRefused:
    return ApplicationRefused(f"cannot load the {name} function: {reason}")
