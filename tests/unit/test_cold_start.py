"""What a new instance loads before it can answer: nothing heavy before it is needed."""

import subprocess
import sys
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
SCRIPT: Final = "import function_app, sys; print(*sys.modules, sep='\\n')"


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    done = subprocess.run(  # noqa: S603 - this Python, our own script
        [sys.executable, "-c", SCRIPT], cwd=ROOT, text=True, capture_output=True, check=True
    )
    return frozenset(done.stdout.split())


def test_the_app_is_loaded(loaded: frozenset[str]) -> None:
    assert {"function_app", "functions.webhooks", "shared.sync.dispatch", "azure.functions"} <= loaded


@pytest.mark.parametrize("package", NEEDED_LATER)
def test_nothing_heavy_is_loaded_before_it_is_needed(loaded: frozenset[str], package: str) -> None:
    assert package not in loaded
