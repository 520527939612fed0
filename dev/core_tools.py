"""Azure Functions Core Tools: where they are, how they serve an app, and with which Python."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

START_SECONDS = 300  # the first start downloads an extension bundle
# Looked up as it stands, although a shell could not set it.
_PYTHON_SETTING = "languageWorkers:python:defaultExecutablePath"
_DEPLOYED = ("function_app.py", "host.json", "functions", "shared")
_MISSING = "there is no `func` on the PATH; `npm install --global azure-functions-core-tools@4` installs it"


class CoreToolsMissing(Exception):
    """There is no `func` to start; the message says how to get one."""


def has_core_tools() -> bool:
    return shutil.which("func") is not None


def core_tools_command(port: int, *, cors_origin: str) -> list[str]:
    """
    Return the command that serves the app in the working directory on loopback. Raises CoreToolsMissing.

    Host and worker read everything else from the environment, which counts more than a local.settings.json.
    """
    func = shutil.which("func")
    if func is None:
        raise CoreToolsMissing(_MISSING)
    # The patience is Core Tools' own with their host, whose worker imports the whole app before it answers.
    return [func, "start", "--port", str(port), "--timeout", "120", "--cors", cors_origin, "--cors-credentials"]


def core_tools_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """
    Return an environment in which Core Tools find this Python, with the product's packages, and no other.

    Left to themselves they take the first `python3` on the PATH, which is the system's unless somebody activated ours.
    """
    scripts = str(Path(sys.executable).parent)
    return {
        **inherited,
        "PATH": os.pathsep.join(filter(None, [scripts, inherited.get("PATH")])),
        "VIRTUAL_ENV": sys.prefix,
        _PYTHON_SETTING: sys.executable,
        "FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT": "1",
    }


def lay_out_app(source: Path, target: Path) -> Path:
    """
    Copy what is deployed of the product, and no more, into a new folder; return it.

    Core Tools watch the folder that they serve with all that is below it, and read the local.settings.json in it.
    """
    target.mkdir(parents=True)
    for name in _DEPLOYED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source / name, target / name)
    return target
