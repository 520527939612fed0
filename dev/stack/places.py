"""Where the stack keeps what: everything below one folder, `.local` unless told otherwise."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".local"
DEFAULT_MAIL = "spam-assassin"


@dataclass(frozen=True)
class Places:
    """The folders and files of one stack."""

    state: Path

    @classmethod
    def of_mail(cls, mail: str) -> Self:
        """Return the stack of this mail: each source of mail has a database, keys and a simulator of its own."""
        if mail == DEFAULT_MAIL:
            return cls(LOCAL)
        source = str(Path(mail).resolve())
        return cls(LOCAL / f"mail-{hashlib.sha256(source.encode()).hexdigest()[:12]}")

    @property
    def postgres(self) -> Path:
        return self.state / "postgres"

    @property
    def azurite(self) -> Path:
        return self.state / "azurite"

    @property
    def simulator(self) -> Path:
        return self.state / "simulator"

    @property
    def authority(self) -> Path:
        return self.state / "ca"

    @property
    def functions_host(self) -> Path:
        return self.state / "functions_host"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets" / "keys.json"

    @property
    def lock(self) -> Path:
        return self.state / "stack.lock"

    @property
    def record(self) -> Path:
        return self.state / "stack.json"

    def log(self, part: str) -> Path:
        return self.state / "logs" / f"{part}.log"

    def make(self) -> None:
        for folder in (self.state, self.log("any").parent, self.azurite, self.simulator, self.authority):
            folder.mkdir(parents=True, exist_ok=True)

    def begin_logs(self) -> None:
        """Start every log afresh; the one of the run before is kept beside it."""
        for log in self.log("any").parent.glob("*.log"):
            log.replace(log.with_suffix(".log.1"))


def shown(path: Path) -> str:
    """Return a path as a person in the checkout would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
