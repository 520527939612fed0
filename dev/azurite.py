"""Azurite, the storage emulator: queues, tables and blobs on the loopback address."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from dev.children import Child, start_child
from dev.ports import LOOPBACK, accepts, choose_free_ports

ROOT = Path(__file__).parents[1]
_PROGRAM = ROOT / "node_modules" / ".bin" / "azurite"
_READY_SECONDS = 30
_ATTEMPTS = 3

# The emulator's account, the same on every machine and published with it: it guards nothing.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class AzuriteUnavailable(Exception):
    """Azurite did not start; the message says what to do."""


@dataclass(frozen=True)
class AzuritePorts:
    """Where the three services listen."""

    blob: int
    queue: int
    table: int

    @property
    def connection_string(self) -> str:
        base = f"http://{LOOPBACK}"
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={base}:{self.blob}/{ACCOUNT};QueueEndpoint={base}:{self.queue}/{ACCOUNT};"
            f"TableEndpoint={base}:{self.table}/{ACCOUNT};"
        )

    def answer(self) -> bool:
        return all(accepts(port) for port in (self.blob, self.queue, self.table))


@dataclass
class RunningAzurite:
    """A started emulator."""

    ports: AzuritePorts
    child: Child

    @property
    def connection_string(self) -> str:
        return self.ports.connection_string

    @property
    def pid(self) -> int:
        return self.child.pid

    def stop(self) -> None:
        """Write everything to disk and end."""
        self.child.stop()

    def kill(self) -> None:
        """End it at once; what came in during the last seconds may not be on disk."""
        self.child.kill()


def azurite_command(ports: AzuritePorts, location: Path | None, certificate: Path | None = None) -> list[str | Path]:
    """Return the words that run Azurite in the foreground, in memory when there is no location."""
    if not _PROGRAM.exists() or shutil.which("node") is None:
        raise AzuriteUnavailable("Azurite is not installed: run `make install` (it needs Node 20 or newer)")
    storage: list[str | Path] = ["--location", location] if location else ["--inMemoryPersistence"]
    tokens: list[str | Path] = ["--oauth", "basic", "--cert", certificate, "--key", certificate] if certificate else []
    return [
        _PROGRAM,
        *("--skipApiVersionCheck", "--silent", "--disableTelemetry"),
        *("--blobPort", str(ports.blob), "--queuePort", str(ports.queue), "--tablePort", str(ports.table)),
        *storage,
        *tokens,
    ]


def start_azurite(
    location: Path | None = None, ports: AzuritePorts | None = None, *, log: Path, certificate: Path | None = None
) -> RunningAzurite:
    """
    Start Azurite and return once its three services answer.

    Without a location all is in memory; without ports, free ones are taken. With a certificate, PEM with its key, it
    speaks HTTPS and takes tokens too.
    """
    if location:
        location.mkdir(parents=True, exist_ok=True)
    for _attempt in range(1 if ports else _ATTEMPTS):
        chosen = ports or choose_azurite_ports()
        # Azurite writes a debug file into the folder it runs in, so that is the log's.
        child = start_child(azurite_command(chosen, location, certificate), log=log, folder=log.parent)
        if _came_up(child, chosen):
            return RunningAzurite(chosen, child)
        child.stop()
    raise AzuriteUnavailable(f"Azurite did not start; see {log}")


def choose_azurite_ports() -> AzuritePorts:
    return AzuritePorts(*choose_free_ports(3))


def _came_up(child: Child, ports: AzuritePorts) -> bool:
    give_up_at = time.monotonic() + _READY_SECONDS
    while child.status is None and time.monotonic() < give_up_at:
        if ports.answer():
            return child.status is None
        time.sleep(0.05)
    return False
