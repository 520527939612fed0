"""Commands in a container that lives for a minute: inside the virtual network, where the database can be reached."""

import base64
import io
import json
import shlex
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from infra.hooks.commands import ROOT, az, required, run, stop, value_of

_NAME: Final = "mail-migrations"
_PATIENCE_SECONDS: Final = 600
_BETWEEN_SECONDS: Final = 5


def image() -> str:
    """Return an image with psql and the dbmate that the tests use; MIGRATION_IMAGE names a copy of yours."""
    version = json.loads((ROOT / "package.json").read_text())["devDependencies"]["dbmate"]
    return value_of("MIGRATION_IMAGE") or f"amacneil/dbmate:{version}"


def run_in_container(
    commands: Sequence[Sequence[str]], files: Mapping[str, Path], secret_environment: Mapping[str, str]
) -> str:
    """Run commands, one after the other while they succeed, in a folder with these files; return what they printed."""
    group = required("AZURE_RESOURCE_GROUP")
    where = ("--resource-group", group, "--name", _NAME)
    with tempfile.TemporaryDirectory() as folder:
        description = Path(folder) / "container.yaml"
        description.touch(mode=0o600)
        description.write_text(json.dumps(_described(commands, files, secret_environment)))  # JSON is YAML
        run("az", "container", "create", "--resource-group", group, "--file", str(description))
    try:
        code = _exit_code(where)
        printed = run("az", "container", "logs", *where)
    finally:
        run("az", "container", "delete", *where, "--yes")
    if code:
        stop(f"the migrations ended with status {code}:\n{printed}")
    return printed


def _exit_code(where: tuple[str, ...]) -> int:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        state = az("container", "show", *where, "--query", "containers[0].instanceView.currentState") or {}
        if state.get("state") == "Terminated":
            return int(state["exitCode"])
        if time.monotonic() > deadline:
            stop(f"the container {_NAME} has not ended in {_PATIENCE_SECONDS} s")
        time.sleep(_BETWEEN_SECONDS)


def _described(
    commands: Sequence[Sequence[str]], files: Mapping[str, Path], secret_environment: Mapping[str, str]
) -> dict[str, Any]:
    script = " && ".join(["mkdir /tmp/work", "cd /tmp/work", "tar -xzf /mnt/files/archive", *map(shlex.join, commands)])
    subnet = value_of("MIGRATION_SUBNET_ID")
    container = {
        "image": image(),
        "command": ["/bin/sh", "-c", script],
        "environmentVariables": [{"name": name, "secureValue": value} for name, value in secret_environment.items()],
        "resources": {"requests": {"cpu": 0.5, "memoryInGB": 0.5}},
        "volumeMounts": [{"name": "files", "mountPath": "/mnt/files", "readOnly": True}],
    }
    return {
        "apiVersion": "2023-05-01",
        "type": "Microsoft.ContainerInstance/containerGroups",
        "name": _NAME,
        "location": required("AZURE_LOCATION"),
        "properties": {
            "osType": "Linux",
            "restartPolicy": "Never",
            "containers": [{"name": _NAME, "properties": container}],
            "volumes": [{"name": "files", "secret": {"archive": _archive(files)}}],
            **({"subnetIds": [{"id": subnet}]} if subnet else {}),
        },
    }


def _archive(files: Mapping[str, Path]) -> str:
    """Pack files, as a volume of secrets takes them: base64."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, file in files.items():
            archive.add(file, arcname=name)
    return base64.b64encode(packed.getvalue()).decode()
