"""What Microsoft's worker makes of the product, and of the table on which the host's tests stand."""

import json
import runpy
import subprocess
import sys
from typing import Any

import pytest

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import index_functions
from tests.func.judge import WORKER
from tests.host.declared import read_declarations
from tests.host.hosting import ROOT

ROWS = read_declarations()


@pytest.fixture(scope="module")
def judged() -> dict[str, Any]:
    assert WORKER.is_dir(), "Microsoft's worker is not installed: `make test-func` does that"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.func.judge"],
        input=json.dumps({"codes": [row.code for row in ROWS], "app": str(ROOT)}),
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    content: dict[str, Any] = json.loads(ended.stdout)
    return content


def test_the_worker_of_today_judges_every_recorded_annotation_as_recorded(judged: dict[str, Any]) -> None:
    verdicts = zip(ROWS, judged["refusals"], strict=True)
    assert [f"{row}: {reason}" for row, reason in verdicts if row.is_accepted != (reason is None)] == []


def test_the_worker_takes_the_product_as_our_host_does(judged: dict[str, Any]) -> None:
    ours = index_functions(runpy.run_path(str(ROOT / "function_app.py"))["app"], AppSettings({}))
    assert judged["functions"] == {
        function.name: {
            "is_async": function.is_async,
            "inputs": dict(function.signature.inputs),
            "wants_context": function.signature.wants_context,
            "has_return_binding": function.signature.has_return_binding,
        }
        for function in ours
    }
