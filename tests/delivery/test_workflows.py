"""azure.yaml and the workflows: what they name is there, and nothing may more than it needs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.delivery.far_ends import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DEPLOY = ROOT / ".github" / "workflows" / "deploy.yml"
PROJECT_HOOKS = {"preprovision", "postprovision", "postdeploy"}
SERVICE_HOOKS = {"prebuild", "predeploy"}


def read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(file.read_text(), yaml.BaseLoader)  # noqa: S506 - builds nothing but text
    return content


@pytest.fixture
def azure_yaml() -> dict[str, Any]:
    return read(ROOT / "azure.yaml")


def test_azd_finds_the_template_and_both_services(azure_yaml: dict[str, Any]) -> None:
    infra = azure_yaml["infra"]
    assert (ROOT / infra["path"] / f"{infra['module']}.bicep").is_file()
    api, web = azure_yaml["services"]["api"], azure_yaml["services"]["web"]
    assert (ROOT / api["project"] / "function_app.py").is_file()
    assert (ROOT / web["project"] / "package.json").is_file()
    assert web["project"] + "/" + web["dist"] == "frontend/dist"
    assert (api["host"], api["language"], web["host"]) == ("function", "python", "staticwebapp")


def test_every_hook_runs_a_module_or_a_target_that_is_there(azure_yaml: dict[str, Any]) -> None:
    services = azure_yaml["services"].values()
    of_services = {name: hook for service in services for name, hook in service.get("hooks", {}).items()}
    assert azure_yaml["hooks"].keys() == PROJECT_HOOKS
    assert of_services.keys() == SERVICE_HOOKS
    scripts = [hook["run"] for hook in [*azure_yaml["hooks"].values(), *of_services.values()]]
    modules = [name for script in scripts for name in re.findall(r"python3 -m ([\w.]+)", script)]
    targets = [name for script in scripts for name in re.findall(r"make -C \.\. (\S+)", script)]
    assert len(modules) + len(targets) == len(scripts)
    assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").is_file()] == []
    assert [name for name in targets if f"\n{name}:" not in (ROOT / "Makefile").read_text()] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_read_and_its_actions_have_a_version(file: Path) -> None:
    workflow = read(file)
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    asked = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}
    assert asked in ({}, {"deploy": {"contents": "read", "id-token": "write"}})
    assert [name for name, job in jobs.items() if "uses" not in job and "timeout-minutes" not in job] == []
    used = [step["uses"] for job in jobs.values() for step in job.get("steps", []) if "uses" in step]
    assert [action for action in used if not re.search(r"@v\d+$|^docker://[\w/]+:[\d.]+$", action)] == []


def test_nothing_is_deployed_untested_and_nothing_kept_unproved() -> None:
    jobs = read(DEPLOY)["jobs"]
    assert [(name, job.get("needs")) for name, job in jobs.items()] == [
        ("test", None),
        ("deploy", "test"),
        ("smoke", "deploy"),
        ("going-back", ["deploy", "smoke"]),
    ]
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in read(ROOT / ".github" / "workflows" / "ci.yml")["on"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_secret_is_kept_at_github_and_no_input_reaches_a_shell(file: Path) -> None:
    text = file.read_text()
    assert "secrets." not in text
    scripts = [step["run"] for job in read(file)["jobs"].values() for step in job.get("steps", []) if "run" in step]
    assert [script for script in scripts if "${{" in script] == []
