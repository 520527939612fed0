"""
Ask Microsoft's worker, installed in .local/worker, what it makes of declarations.

Reads `{"codes": [...], "app": folder}` as JSON from standard input: codes declare on a new `app` each, the folder holds
a function_app.py. Writes `{"refusals": [reason or null, ...], "functions": {name: description}}`.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func

WORKER = Path(__file__).parents[2] / ".local" / "worker"


class _Kept(SimpleNamespace):
    """A message to the host, of which the worker only sets fields."""


class _BindingInfo(_Kept):
    undefined, out, inout = 0, 1, 2


class _Messages:
    """What stands for the generated code of the protocol, which the worker is handed."""

    BindingInfo = _BindingInfo
    RpcFunctionMetadata = _Kept
    RpcRetryOptions = _Kept


def refusal(code: str, known: dict[str, Any]) -> str | None:
    from azure_functions_runtime.functions import Registry  # noqa: PLC0415 - found once the path is set
    from azure_functions_runtime.loader import process_indexed_function  # noqa: PLC0415 - as above

    app = func.FunctionApp()
    try:
        exec(code, {**known, "app": app})  # noqa: S102 - rows of our own table
        process_indexed_function(_Messages, Registry(), app.get_functions(), ".")
    except Exception as exc:  # noqa: BLE001 - whatever the worker says of a mistake
        return f"{type(exc).__name__}: {exc}"
    return None


def described(folder: str) -> dict[str, Any]:
    """Index the app of a folder as the worker does when it starts."""
    from azure_functions_runtime.functions import Registry  # noqa: PLC0415 - as above
    from azure_functions_runtime.loader import index_function_app, process_indexed_function  # noqa: PLC0415 - as above

    sys.path.append(folder)
    registry = Registry()
    messages, _ = process_indexed_function(_Messages, registry, index_function_app(f"{folder}/function_app.py"), folder)
    functions = [registry.get_function(message.function_id) for message in messages]
    return {
        function.name: {
            "is_async": function.is_async,
            "inputs": {name: taken.binding_name for name, taken in function.input_types.items()},
            "wants_context": function.requires_context,
            "has_return_binding": function.has_return,
        }
        for function in functions
    }


def main() -> None:
    sys.path.insert(1, str(WORKER))
    from azure_functions_runtime.bindings.meta import load_binding_registry  # noqa: PLC0415 - as above

    from tests.host.declared import KNOWN  # noqa: PLC0415 - as above

    load_binding_registry()
    asked = json.load(sys.stdin)
    refusals = [refusal(code, KNOWN) for code in asked["codes"]]
    json.dump({"refusals": refusals, "functions": described(asked["app"])}, sys.stdout)


if __name__ == "__main__":
    main()
