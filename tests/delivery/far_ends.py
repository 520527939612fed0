"""Stand-ins of the programs that reach Azure: they answer from a table, and note what they were asked."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_PROGRAM: Final = """#!{python}
import json, os, pathlib, sys
folder, name, words = pathlib.Path({folder!r}), pathlib.Path(sys.argv[0]).name, sys.argv[1:]
given = [pathlib.Path(word) for word in words if pathlib.Path(word).is_file()]
note = dict(program=name, words=words, files=[file.read_text() for file in given],
            modes=[file.stat().st_mode & 0o777 for file in given], password=os.environ.get("PGPASSWORD"))
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(note) + "\\n")
for beginning, status, answer in json.loads((folder / "answers").read_text()):
    if [name, *words][:len(beginning)] == beginning:
        print(answer if isinstance(answer, str) else json.dumps(answer))
        sys.exit(status)
sys.exit(f"nobody expected: {{name}} {{words}}")
"""


@dataclass(frozen=True)
class FarEnds:
    """`az`, `azd` and `psql` for hooks that are run with `run`."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("az", "azd", "psql"):
            program = self.folder / name
            program.write_text(_PROGRAM.format(python=sys.executable, folder=str(self.folder)))
            program.chmod(0o755)
        self.answer({})

    def answer(self, answers: Mapping[str, Any], *, status: int = 0) -> None:
        """Answer calls that begin with these words; what is said last wins, and `azd env set` is answered anyway."""
        file = self.folder / "answers"
        known = json.loads(file.read_text()) if file.exists() else [[["azd", "env", "set"], 0, ""]]
        file.write_text(json.dumps([*([words.split(), status, answer] for words, answer in answers.items()), *known]))

    def run(self, hook: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own hook
            [sys.executable, "-m", f"infra.hooks.{hook}"],
            cwd=ROOT,
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, *beginning: str) -> list[dict[str, Any]]:
        file = self.folder / "calls"
        noted = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [call for call in noted if [call["program"], *call["words"]][: len(beginning)] == list(beginning)]

    def kept(self) -> dict[str, str]:
        """What azd's environment holds after the hook."""
        lines = [line for call in self.calls("azd", "env", "set") for line in "".join(call["files"]).splitlines()]
        return {name: value.strip("'") for name, value in (line.split("=", 1) for line in lines)}
