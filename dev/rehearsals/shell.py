"""A shell in which a runbook's commands work on a trial: it has their variables, and the command `stack`."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from dev.postgres.binaries import find_programs
from dev.trial import ROOT, Trial

PATIENCE_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 0.1
SHOWN_LINES: Final = 15
Errand = Callable[[Sequence[str]], str]


class RunbookFailed(Exception):
    """A command of the page failed or did not end; the message has the last lines that the page printed."""


class Shell:
    """
    Runs scripts against a trial, and meanwhile does the errands on which they send `stack`.

    Parts of a trial are started by the main thread only, so that is where errands are done, and where this is used.
    """

    def __init__(self, trial: Trial, operator_key: str, errands: Mapping[str, Errand]) -> None:
        self._trial, self._errands = trial, errands
        self._socket = trial.folder / "errands.sock"
        self._key_file = trial.folder / "operator.key"
        self._key_file.write_text(operator_key)
        self._programs = trial.folder / "bin"
        self._programs.mkdir()
        command = self._programs / "stack"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dev.rehearsals.errand "$@"\n')
        command.chmod(0o700)

    def run(self, script: str) -> str:
        """Run a script to its end; return what it printed. Raises RunbookFailed at the first command that fails."""
        log = self._trial.folder / "runbook.log"
        with log.open("wb") as output:
            words = ["bash", "-euo", "pipefail", "-c", script]
            status = self._serve(words, output=output.fileno())
        if status != 0:
            told = log.read_text(errors="replace").splitlines()[-SHOWN_LINES:]
            raise RunbookFailed("\n".join([f"the page's commands ended with status {status}; see {log}", *told]))
        return log.read_text(errors="replace")

    def open(self, preamble: str) -> None:
        """Give a person a shell in which the preamble has been run, until they leave it."""
        start = self._trial.folder / "start.sh"
        start.write_text(preamble)
        self._serve(["bash", "--rcfile", str(start), "-i"], output=None)

    def _serve(self, words: Sequence[str], *, output: int | None) -> int | None:
        with closing(socket.socket(socket.AF_UNIX)) as door:
            self._socket.unlink(missing_ok=True)
            door.bind(str(self._socket))
            door.listen()
            door.settimeout(LOOK_SECONDS)
            process = subprocess.Popen(  # noqa: S603 - the repository's own pages
                words,
                stdin=None if output is None else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(),
                cwd=ROOT,
            )
            try:
                gives_up = time.monotonic() + PATIENCE_SECONDS
                while process.poll() is None and (output is None or time.monotonic() < gives_up):
                    self._answer(door)
            finally:
                process.kill()
                process.wait()
            return process.returncode

    def _answer(self, door: socket.socket) -> None:
        try:
            caller, _ = door.accept()
        except TimeoutError:
            return
        with caller, caller.makefile("rb") as lines:
            words: list[str] = json.loads(lines.readline())
            caller.sendall(json.dumps(self._outcome(words)).encode() + b"\n")

    def _outcome(self, words: Sequence[str]) -> dict[str, object]:
        errand = self._errands.get(words[0]) if words else None
        if errand is None:
            return {"done": False, "text": f"stack knows {', '.join(self._errands)}"}
        try:
            return {"done": True, "text": errand(words[1:])}
        except Exception as exc:  # noqa: BLE001 - the script ends with it, and shows it
            return {"done": False, "text": f"{type(exc).__name__}: {exc}"}

    def _environment(self) -> dict[str, str]:
        trial = self._trial
        folders = [self._programs, find_programs().folder, Path(sys.executable).parent]
        return {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]]),
            "REHEARSAL_SOCKET": str(self._socket),
            "operator_key_file": str(self._key_file),
            "host_key": "",
            "app": trial.public_base_url,
            "api": trial.api_base_url,
            "database_url": trial.urls.owner_url,
            "simulator": trial.simulator.base_url,
            "CURL_CA_BUNDLE": trial.simulator.ca_file,
            "attempts_seconds": "3",
            "client_id": trial.simulator.client_id,
            "authority": trial.simulator.authority,
            "old_secret": trial.simulator.client_secret,
            "new_secret": secrets.token_urlsafe(24),
        }
