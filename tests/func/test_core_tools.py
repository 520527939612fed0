"""How Core Tools are asked to serve the app, as far as that can be seen without them."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from dev.children import start_child
from dev.core_tools import CoreToolsMissing, core_tools_command, core_tools_environment, has_core_tools, lay_out_app
from dev.trial import Trial, TrialFailed
from tests.host.hosting import ROOT, eventually

ORIGIN = "http://127.0.0.1:5173"
# Says what it was started with, and with which `python3`, and ends.
WITNESS = """#!/bin/sh
python3 -c 'import json, os, sys
witness = {"arguments": sys.argv[2:], "folder": os.listdir(), "prefix": sys.prefix}
witness["address"] = os.environ["PUBLIC_BASE_URL"]
with open(sys.argv[1], "w") as file: json.dump(witness, file)' "$(dirname "$0")/witness.json" "$@"
exit 3
"""


def write_program(file: Path, text: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o700)
    return file


def python_in(environment: Mapping[str, str]) -> str:
    """Ask a shell which packages the `python3` has that it finds."""
    script = "import azure.functions, sys; print(sys.prefix)"
    return subprocess.run(  # noqa: S603 - a fixed program
        ["/bin/sh", "-c", f"python3 -c '{script}'"], env=dict(environment), text=True, capture_output=True, check=True
    ).stdout.strip()


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_python3_is_the_one_that_has_the_products_packages() -> None:
    environment = core_tools_environment({"PATH": "/usr/bin:/bin"})
    assert python_in(environment) == sys.prefix
    assert environment["VIRTUAL_ENV"] == sys.prefix
    assert environment["languageWorkers:python:defaultExecutablePath"] == sys.executable


def test_without_core_tools_it_is_said_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not has_core_tools()
    with pytest.raises(CoreToolsMissing, match="npm install --global azure-functions-core-tools@4"):
        core_tools_command(7071, cors_origin=ORIGIN)


def test_a_stack_without_core_tools_says_so_and_starts_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "node").symlink_to(node)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    command = [sys.executable, "-m", "dev.stack", "--state", str(tmp_path / "state"), "up", "--host", "func"]
    ended = subprocess.run(  # noqa: S603 - our own program
        [*command, "--settings-file", str(tmp_path / "local.settings.json")],
        cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "HOST=func needs Azure Functions Core Tools 4" in ended.stderr
    assert not (tmp_path / "state" / "postgres").exists()


def test_a_trial_asks_for_its_port_and_page_in_a_folder_of_the_app_alone_and_says_when_that_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = write_program(tmp_path / "bin" / "func", WITNESS)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    trial = Trial(tmp_path / "trial", host_kind="func")
    trial.folder.mkdir()
    with pytest.raises(TrialFailed, match="a host ended with status 3"), trial:
        pass
    witness = json.loads((program.parent / "witness.json").read_text())
    assert witness["arguments"] == [
        *("start", "--port", str(trial.host_ports[0]), "--timeout", "120"),
        *("--cors", trial.web_base_url, "--cors-credentials"),
    ]
    assert sorted(witness["folder"]) == ["function_app.py", "functions", "host.json", "shared"]
    assert witness["prefix"] == sys.prefix
    assert witness["address"] == trial.public_base_url


def test_the_laid_out_app_needs_nothing_else_of_the_repository(tmp_path: Path) -> None:
    app = lay_out_app(ROOT, tmp_path / "app")
    script = "import function_app; print(len(function_app.app.get_functions()))"
    counts = [
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-P", "-c", f"import sys; sys.path.append('{folder}'); {script}"],
            cwd=tmp_path, text=True, capture_output=True, check=True,
        ).stdout
        for folder in (app, ROOT)
    ]  # fmt: skip
    assert counts[0] == counts[1] != "0\n"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_starter_that_ends_first_leaves_nothing_behind(end: signal.Signals, tmp_path: Path) -> None:
    """The `func` of npm is a script in between, and the worker a grandchild."""
    starter = write_program(tmp_path / "starter", 'trap "exit 0" TERM\nsleep 60 & echo $! > "$1"\nwait\n')
    file = tmp_path / "pid"
    child = start_child(["/bin/sh", starter, file])
    eventually(lambda: file.exists() and file.read_text())
    if end is signal.SIGTERM:
        child.stop()
    else:
        child.process.kill()  # the starter alone
        child.process.wait()
        child.kill()
    assert eventually(lambda: has_ended(int(file.read_text())))
