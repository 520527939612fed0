"""The documentation against the code: what it names is there, and what is there is named."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import azure.functions as func
import pytest
from pydantic.fields import FieldInfo

from function_app import app
from functions import queues, timers
from shared import errors
from shared.auth.connections import ConnectionFailure
from shared.errors import MailError
from shared.http import OPERATIONS, status_of
from shared.jobs import QUEUE_BY_JOB, QUEUES
from shared.models.jobs import Job
from shared.settings import Settings

ROOT: Final = Path(__file__).parents[2]
REFERENCE: Final = ROOT / "docs" / "reference"
GUIDES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_OURS: Final = {"node_modules", "dist", "test-results"}
CODE_BLOCK: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?P<inline>[^)\s]+)\)|(?:src|srcset|href)=\"(?P<html>[^\"\s]+)\"")
NAMED_PATH: Final = re.compile(
    r"`(?P<path>(?:benchmarks|dev|docs|frontend|functions|infra|shared|tests)/[\w./-]*)(?:::(?P<test>\w+))?`"
)
CALL: Final = re.compile(r"\b(?P<method>GET|POST|PUT|PATCH|DELETE) (?P<path>/api/[\w/.{}-]+)")
CURL: Final = re.compile(r"\"\$api(?P<path>/[^\"?\s]*)")
TABLE_NAME: Final = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
ACROSS_USERS: Final = re.compile(r"^CREATE FUNCTION (\w+)(?=(?:(?!;).)*?SECURITY DEFINER)", re.MULTILINE | re.DOTALL)
TARGET: Final = re.compile(r"^([a-z-]+):.*?## ", re.MULTILINE)


def markdown_files() -> Iterator[Path]:
    """Every page of ours, wherever it lies; hidden folders hold what was installed or stored."""
    folders = [ROOT]
    while folders:
        for entry in sorted(folders.pop().iterdir()):
            if entry.is_dir() and not entry.name.startswith(".") and entry.name not in NOT_OURS:
                folders.append(entry)
            elif entry.suffix == ".md":
                yield entry


def prose_of(page: Path) -> str:
    return CODE_BLOCK.sub("", page.read_text())


def anchors_of(page: Path) -> set[str]:
    """The names under which GitHub makes a page's headings reachable."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for found in LINK.finditer(prose_of(page)):
        link = found["inline"] or found["html"]
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            yield link


def rows_of(page: str, heading: str) -> list[list[str]]:
    """The cells of all tables of a page whose first column has this heading, without backticks."""
    rows: list[list[str]] = []
    is_wanted = False
    for before, line in pairwise(["", *(REFERENCE / page).read_text().splitlines()]):
        if not line.startswith("|"):
            is_wanted = False
            continue
        cells = [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not before.startswith("|"):
            is_wanted = cells[0] == heading
        elif is_wanted and not set(line) <= set("|-"):
            rows.append(cells)
    return rows


def column_pairs(page: str, heading: str, first: int, second: int) -> dict[str, str]:
    rows = rows_of(page, heading)
    pairs = {row[first]: row[second] for row in rows}
    assert len(pairs) == len(rows) > 0, f"{page} names something twice, or nothing"
    return pairs


def triggers_of(blueprint: func.Blueprint, key: str) -> dict[str, str]:
    """What each function of a blueprint is started by."""
    holder = func.FunctionApp()
    holder.register_functions(blueprint)
    started: dict[str, str] = {}
    for function in holder.get_functions():
        trigger = function.get_trigger()
        assert trigger is not None
        started[str(function.get_function_name())] = str(trigger.get_dict_repr()[key])
    return started


def messages_explained() -> list[str]:
    section = (ROOT / "docs/how-to/troubleshoot.md").read_text().partition("## Messages")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]


def migrations() -> str:
    return "\n".join(file.read_text() for file in sorted((ROOT / "shared/storage/migrations").glob("*.sql")))


def default_text(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    shown = {"": "empty", None: "not set"}
    return shown[field.default] if field.default in shown else str(field.default)


@pytest.mark.parametrize("page", list(markdown_files()), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_test_that_a_page_names_is_there(page: Path) -> None:
    for named in NAMED_PATH.finditer(page.read_text()):
        file = ROOT / named["path"]
        assert file.exists(), named[0]
        if named["test"]:
            assert f"def {named['test']}(" in file.read_text(), named[0]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_call_that_a_page_shows_is_an_endpoint(page: Path) -> None:
    known = {(operation.method, plain(f"/api/{operation.route}")) for operation in OPERATIONS}
    for call in CALL.finditer(page.read_text()):
        assert (call["method"], plain(call["path"])) in known, call[0]
    paths = {path for _, path in known}
    for call in CURL.finditer(page.read_text()):
        assert plain(re.sub(r"\$\(.*|\$\w+", "{}", f"/api{call['path']}")) in paths, call[0]


def plain(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path)


def test_every_endpoint_is_listed() -> None:
    assert app.get_functions()  # importing it has declared them all
    listed = [(call["method"], call["path"]) for call in CALL.finditer(endpoint_list())]
    declared = [(each.method, re.sub(r":\w+}", "}", f"/api/{each.route}")) for each in OPERATIONS]
    assert sorted(listed) == sorted(declared)


def endpoint_list() -> str:
    return (REFERENCE / "http-api.md").read_text().partition("\n## Endpoints\n")[2]


def test_every_setting_is_listed_with_its_default() -> None:
    listed = {row[0].lower(): row[2] for row in rows_of("settings.md", "Variable") if len(row) == 4}
    assert listed == {name: default_text(field) for name, field in Settings.model_fields.items()}


def test_schedules_are_those_of_the_sample_and_of_the_timers() -> None:
    listed = {row[0]: (row[1], row[2]) for row in rows_of("settings.md", "Variable") if row[0].endswith("_SCHEDULE")}
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    by_setting = {schedule.strip("%"): name for name, schedule in triggers_of(timers.bp, "schedule").items()}
    assert listed == {setting: (values[setting], name) for setting, name in by_setting.items()}


def test_every_timer_is_listed() -> None:
    timers_listed = {row[0]: f"%{row[1]}%" for row in rows_of("jobs-and-queues.md", "Function")}
    assert timers_listed == triggers_of(timers.bp, "schedule")


def test_every_queue_and_its_functions_are_listed() -> None:
    listed = {name: queue for row in rows_of("jobs-and-queues.md", "Queue") for queue, name in (row[:2], row[2:])}
    assert listed == triggers_of(queues.bp, "queueName")
    assert set(QUEUES) | {f"{queue}-poison" for queue in QUEUES} == set(listed.values())


def test_every_job_is_listed_with_its_queue() -> None:
    kinds = {job.model_fields["kind"].default: queue for job, queue in QUEUE_BY_JOB.items() if issubclass(job, Job)}
    assert column_pairs("jobs-and-queues.md", "Kind", 0, 1) == kinds


def test_the_queue_options_are_those_of_host_json() -> None:
    options = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    listed = column_pairs("jobs-and-queues.md", "Key", 0, 1)
    assert listed == {name: str(value) for name, value in options.items()}


def test_every_error_is_listed_with_its_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MailError)]
    listed = {row[0]: int(row[1]) for row in rows_of("errors.md", "Code") if len(row) == 3}
    assert listed == {kind.code: status_of(kind) for kind in kinds}


def test_every_failure_to_connect_is_listed() -> None:
    listed = [row[0] for row in rows_of("errors.md", "Code") if len(row) == 2]
    assert listed == [failure.value for failure in ConnectionFailure]


def test_every_table_is_listed() -> None:
    assert sorted(column_pairs("database.md", "Table", 0, 1)) == sorted(TABLE_NAME.findall(migrations()))


def test_every_question_that_crosses_users_is_listed() -> None:
    assert sorted(column_pairs("database.md", "Function", 0, 1)) == sorted(set(ACROSS_USERS.findall(migrations())))


@pytest.mark.parametrize("message", sorted(set(messages_explained())))
def test_a_message_that_is_explained_is_one_that_is_printed(message: str) -> None:
    told_by = [ROOT / "Makefile", *(ROOT / "dev").rglob("*.py"), *(ROOT / "dev").rglob("*.sh")]
    source = "\n".join(file.read_text() for file in told_by)
    assert [part for part in message.split("…") if part.strip() not in source] == []


def test_every_target_is_listed() -> None:
    listed = {name.removeprefix("make ") for name in column_pairs("make.md", "Target", 0, 1)}
    assert listed == set(TARGET.findall((ROOT / "Makefile").read_text()))
