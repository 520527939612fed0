"""The far ends of every hook: azd's environment, the Azure CLI, and the person."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parents[2]


def value_of(name: str) -> str:
    """Return a value of azd's environment, which a hook gets as its own; empty when it is not set."""
    return os.environ.get(name, "")


def required(name: str) -> str:
    """Return such a value, or end the hook when there is none."""
    return value_of(name) or stop(f"{name} is not set: `azd provision` sets it, `azd env get-values` shows what is set")


def keep(values: Mapping[str, str]) -> None:
    """Set values in azd's environment, by way of a file: a command line is for every process to read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
        run("azd", "env", "set", "--file", str(file))
    os.environ.update(values)


def az(*words: str) -> Any:  # noqa: ANN401 - whatever the Azure CLI answers
    """Ask the Azure CLI; end the hook with its own words when it fails."""
    printed = run("az", *words, "--output", "json")
    return json.loads(printed) if printed.strip() else None


def run(program: str, *words: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed; end the hook with its own words when it fails."""
    found = shutil.which(program) or stop(f"{program} is not on the PATH: docs/how-to/deploy.md says what is needed")
    done = subprocess.run(  # noqa: S603 - the tools that the guide names
        [found, *words],
        env={**os.environ, **(environment or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        stop(f"{program} {' '.join(words[:3])} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def stop(reason: str) -> NoReturn:
    sys.exit(f"\n{reason}\n")
