"""What a new instance loads and does before it can answer: nothing heavy before it is needed."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
NEEDED_LATER: Final = (
    "aiohttp",  # the first request to a provider or to storage
    "azure.core",
    "azure.data.tables",  # a mailbox is being connected
    "azure.identity",
    "azure.keyvault",
    "azure.monitor",
    "azure.storage.blob",  # an attachment is asked for
    "azure.storage.queue",  # the first job is sent
    "cryptography",
    "httpx",
    "msal",
    "nh3",
    "opentelemetry",
    "requests",
)
SCRIPT: Final = """
import gc, sys
def collections():
    return sum(generation["collections"] for generation in gc.get_stats())
before = collections()
import function_app
looks = collections() - before
import json
ours = [module for name, module in list(sys.modules.items()) if name.startswith(("shared", "functions"))]
models = {each for module in ours for each in vars(module).values() if hasattr(each, "__pydantic_complete__")}
built = sorted(str(each) for each in models if each.__pydantic_complete__)
found = {"modules": list(sys.modules), "looks_for_cycles": looks, "looks_later": gc.isenabled(), "built": built}
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Start:
    modules: list[str]
    looks_for_cycles: int
    looks_later: bool
    built: list[str]  # pydantic's models and dataclasses whose validators are made


@pytest.fixture(scope="module")
def start() -> Start:
    done = subprocess.run(  # noqa: S603 - this Python, our own script
        [sys.executable, "-c", SCRIPT], cwd=ROOT, text=True, capture_output=True, check=True
    )
    return Start(**json.loads(done.stdout))


def test_the_app_is_loaded(start: Start) -> None:
    assert {"function_app", "functions.webhooks", "shared.sync.dispatch", "azure.functions"} <= set(start.modules)


@pytest.mark.parametrize("package", NEEDED_LATER)
def test_nothing_heavy_is_loaded_before_it_is_needed(start: Start, package: str) -> None:
    assert package not in start.modules


def test_validators_are_made_when_they_are_needed(start: Start) -> None:
    assert start.built == []


def test_cycles_are_looked_for_only_when_all_is_loaded(start: Start) -> None:
    assert start.looks_for_cycles <= 1, "one may come before the app's first line; there were 150"
    assert start.looks_later
