"""The package as Azure makes it: the uploaded zip, unpacked, and a Python with requirements.txt and nothing else."""

import subprocess
import venv
import zipfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from dev.package import write_package


@dataclass(frozen=True)
class BuiltPackage:
    folder: Path
    python: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltPackage:
    folder = tmp_path_factory.mktemp("package")
    write_package(folder / "app.zip")
    with zipfile.ZipFile(folder / "app.zip") as package:
        package.extractall(folder / "app")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    install = f"{python} -m pip install --quiet --disable-pip-version-check --require-hashes -r".split()
    subprocess.run([*install, folder / "app" / "requirements.txt"], check=True)  # noqa: S603 - a Python of ours
    return BuiltPackage(folder / "app", python)


@pytest.fixture(scope="session")
def host_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the local host needs and the product does not have: links to our own, in a folder of their own."""
    folder = tmp_path_factory.mktemp("host")
    for name in ("click", "croniter", "dateutil", "uvicorn"):
        (folder / name).symlink_to(Path(str(import_module(name).__file__)).parent)
    return folder
