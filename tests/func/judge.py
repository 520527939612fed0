"""
Ask Microsoft's worker, installed in .local/worker, what it makes of declarations.

Reads `{"codes": [...], "app": folder}` as JSON from standard input: codes declare on a new `app` each, the folder holds
a function_app.py. Writes `{"refusals": [reason or null, ...], "functions": {name: description}}`.
"""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func

from tests.host.declared import KNOWN

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


class Judge:
    """The part of the worker that runs when an app is loaded."""

    def __init__(self) -> None:
        self._functions = importlib.import_module("azure_functions_runtime.functions")
        self._loader = importlib.import_module("azure_functions_runtime.loader")
        importlib.import_module("azure_functions_runtime.bindings.meta").load_binding_registry()

    def refusal(self, code: str) -> str | None:
        app = func.FunctionApp()
        try:
            exec(code, {**KNOWN, "app": app})  # noqa: S102 - rows of our own table
            self._loader.process_indexed_function(_Messages, self._functions.Registry(), app.get_functions(), ".")
        except Exception as exc:  # noqa: BLE001 - whatever the worker says of a mistake
            return f"{type(exc).__name__}: {exc}"
        return None

    def described(self, folder: str) -> dict[str, Any]:
        """Index the app of a folder as the worker does when it starts."""
        sys.path.append(folder)
        registry = self._functions.Registry()
        indexed = self._loader.index_function_app(f"{folder}/function_app.py")
        messages, _ = self._loader.process_indexed_function(_Messages, registry, indexed, folder)
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
    sys.path.append(str(WORKER))
    judge, asked = Judge(), json.load(sys.stdin)
    refusals = [judge.refusal(code) for code in asked["codes"]]
    json.dump({"refusals": refusals, "functions": judge.described(asked["app"])}, sys.stdout)


if __name__ == "__main__":
    main()
