"""`make check-infra`: what it counts, and that one planted mistake ends it with its line and status 1."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.infra.bicep import REPOSITORY

COPIED = ("infra", "functions", "host.json", "frontend/public/staticwebapp.config.json")
COUNTED = re.compile(r"(\d+) resources, (\d+) properties and (\d+) rules checked")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the command looks at."""
    for name in COPIED:
        source, target = REPOSITORY / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return tmp_path


def run(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dev.infra", str(checkout)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def test_a_checkout_without_fault_is_counted_and_accepted(checkout: Path) -> None:
    done = run(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = COUNTED.search(done.stdout)
    assert counted is not None
    assert [int(each) > least for each, least in zip(counted.groups(), (35, 300, 20), strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (
            "infra/modules/storage.bicep",
            "allowSharedKeyAccess",
            "allowSharedKeyAcess",
            r"infra/modules/storage\.bicep:\d+",
        ),
        ("infra/modules/vault.bicep", "4633458b", "4633458c", r"infra/modules/vault\.bicep:14: keyVaultSecretsUser"),
        (
            "infra/modules/app.bicep",
            "  WEB_BASE_URL: webBaseUrl\n",
            "",
            r"infra/modules/app\.bicep:\d+: WEB_BASE_URL is",
        ),
        (
            "infra/modules/app.bicep",
            "  DATABASE_POOL_SIZE: string(databasePoolSize)\n",
            "",
            r"infra/modules/app\.bicep:\d+: DATABASE_POOL_SIZE is",
        ),
        (
            "infra/modules/app.bicep",
            "string(databasePoolSize)",
            "'many'",
            r"infra/main\.bicep:1: pools_too_large cannot be worked out",
        ),
        (
            "infra/main.bicep",
            "param location string",
            "param location strnig {",
            r"infra/main\.bicep:11: does not parse",
        ),
    ],
)
def test_one_mistake_ends_it_with_its_line(checkout: Path, path: str, old: str, new: str, expected: str) -> None:
    text = (checkout / path).read_text()
    assert old in text
    (checkout / path).write_text(text.replace(old, new, 1))
    done = run(checkout)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(expected, done.stdout), done.stdout
