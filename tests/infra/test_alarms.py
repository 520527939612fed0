"""Alarms and charts: each has something to say to a person, and asks for figures that are recorded."""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

import pytest

from dev.infra.bicep import INFRA, REPOSITORY, properties_of, read_template, string_of, walk
from shared.telemetry import METRICS, Metric

GUIDE: Final = (REPOSITORY / "docs" / "how-to" / "operate.md").read_text()
REFERENCE: Final = (REPOSITORY / "docs" / "reference" / "telemetry.md").read_text()
FIGURE: Final = re.compile(r'"(mail\.[a-z_.]+)"')
ROW: Final = re.compile(r"^\| `(mail\.[a-z_.]+)` \| (\w+) \| (\S+) \| (.*?) \|", re.MULTILINE)
FACT: Final = re.compile(r'Properties\["([^"]+)"\]')


def alarms() -> Iterator[dict[str, str]]:
    """The objects in the template's two lists of alarms: their texts by key."""
    variables = read_template()[PurePosixPath("modules/alerts.bicep")].declared("variable")
    for name in ("alarms", "databaseAlarms"):
        listed = variables[name].value
        assert listed is not None
        for each in (node for node in walk(listed) if node.type == "object"):
            yield {key: string_of(value) for key, value in properties_of(each).items() if value.type == "string"}


def chart_queries() -> Iterator[str]:
    workbook: dict[str, Any] = json.loads((INFRA / "workbook.json").read_text())
    for item in workbook["items"]:
        if query := item["content"].get("query"):
            yield query


QUERIES: Final = [alarm["query"] for alarm in alarms() if "query" in alarm] + list(chart_queries())


def faults_of(query: str, metrics: tuple[Metric, ...]) -> set[str]:
    """List the figures that a query asks for and nobody records, and facts that they are not told apart by."""
    known = {metric.name for metric in metrics}
    asked = set(FIGURE.findall(query))
    facts = {fact for name, _, _, listed in ROW.findall(REFERENCE) if name in asked for fact in listed.split("`")[1::2]}
    return (asked - known) | (set(FACT.findall(query)) - facts)


def test_the_guide_has_a_section_for_each_alarm_and_no_other() -> None:
    described = re.findall(r"^### (.+)$", GUIDE.partition("\n## Alarms\n")[2], re.MULTILINE)
    assert described == [alarm["title"] for alarm in alarms()]


def test_each_section_says_what_to_look_at_and_when_to_relax() -> None:
    sections = re.split(r"^### ", GUIDE.partition("\n## Alarms\n")[2].partition("\n## ")[0], flags=re.MULTILINE)[1:]
    wanting = [each.splitlines()[0] for each in sections if "\nLook " not in each or "\nRelax: " not in each]
    assert wanting == []


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_figures_that_are_recorded(query: str) -> None:
    assert faults_of(query, METRICS) == set()


@pytest.mark.parametrize("query", ['Name == "mail.qeue.age"', 'Name == "mail.queue.age" | by Properties["state"]'])
def test_a_query_for_what_nobody_records_is_found(query: str) -> None:
    assert len(faults_of(query, METRICS)) == 1


def test_every_figure_is_charted_and_listed_as_it_is() -> None:
    assert set(FIGURE.findall(" ".join(chart_queries()))) == {metric.name for metric in METRICS}
    listed = {(name, instrument, unit) for name, instrument, unit, _ in ROW.findall(REFERENCE)}
    assert listed == {(metric.name, metric.instrument, metric.unit) for metric in METRICS}


def test_alarms_have_names_of_their_own() -> None:
    names = [alarm["name"] for alarm in alarms()]
    assert len(set(names)) == len(names) == 15
