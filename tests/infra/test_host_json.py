"""host.json says what the code relies on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dev.infra.bicep import REPOSITORY
from shared.settings import Settings

Document = dict[str, Any]


def read_host_json() -> Document:
    document: Document = json.loads((REPOSITORY / "host.json").read_text())
    return document


def seconds_of(timespan: str) -> int:
    hours, minutes, seconds = map(int, timespan.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def lane_seconds() -> float:
    turn: float = Settings.model_fields["lane_seconds"].default
    return turn


def faults_of(host: Document) -> list[str]:
    """List what in host.json contradicts the code."""
    queues = host["extensions"]["queues"]
    said = {
        "version 2.0 is the only one": host["version"] == "2.0",
        "the bundle brings the storage triggers": host["extensionBundle"]["version"] == "[4.*, 5.0.0)",
        "the redirect URI and the page say /api": host["extensions"]["http"]["routePrefix"] == "api",
        "jobs are sent in base64": queues["messageEncoding"] == "base64",
        "the service gives at most 32 messages at once": 1 <= queues["batchSize"] <= 32,
        "without it a two-core instance takes twice as many jobs": queues["newBatchThreshold"] >= 0,
        "a job is tried again before it is poison": queues["maxDequeueCount"] > 1,
        "mail arrives within seconds": seconds_of(queues["maxPollingInterval"]) <= 5,
        "a timeout ends every job of the worker, so a lane's turn stays far below it": (
            seconds_of(host["functionTimeout"]) >= 4 * lane_seconds()
        ),
        "without sampling logs can cost more than everything else": (
            host["logging"]["applicationInsights"]["samplingSettings"]["isEnabled"]
        ),
    }
    return [reason for reason, held in said.items() if not held]


def test_host_json_agrees_with_the_code() -> None:
    assert faults_of(read_host_json()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda host: host.update(version="1.0"), "version 2.0"),
        (lambda host: host.update(functionTimeout="00:01:00"), "a timeout ends"),
        (lambda host: host["extensionBundle"].update(version="[3.*, 4.0.0)"), "the bundle"),
        (lambda host: host["extensions"]["http"].update(routePrefix=""), "the redirect URI"),
        (lambda host: host["extensions"]["queues"].update(messageEncoding="none"), "base64"),
        (lambda host: host["extensions"]["queues"].update(batchSize=33), "at most 32"),
        (lambda host: host["extensions"]["queues"].update(maxDequeueCount=1), "poison"),
        (lambda host: host["extensions"]["queues"].update(maxPollingInterval="00:01:00"), "within seconds"),
        (
            lambda host: host["logging"]["applicationInsights"]["samplingSettings"].update(isEnabled=False),
            "without sampling",
        ),
    ],
)
def test_a_host_json_that_contradicts_the_code_is_found(change: Callable[[Document], None], expected: str) -> None:
    host = read_host_json()
    change(host)
    assert any(expected in fault for fault in faults_of(host)), faults_of(host)
