"""Starts a simulator for a test: its own process, a free port, nothing left behind."""

import io
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.graph_simulator.client import SimulatorAdmin

CLIENT_ID = "7d3f2c1a-0b4e-4d8a-9c55-3a1e8f6b2d90"
CLIENT_SECRET = "made-up-for-tests"  # noqa: S105 - accepted by a simulator on loopback only
_STOP_SECONDS = 10
_REPOSITORY = Path(__file__).parents[2]


class SimulatorFailed(Exception):
    """The simulator ended before it was ready; the text is what it printed."""


@dataclass(slots=True)
class RunningSimulator:
    """
    A simulator that answers. The product's settings follow from it: `graph_base_url`, `authority`, `ca_file`,
    `client_id`, `client_secret`. `output` are the lines printed so far, the traces of its own errors among them.
    """

    base_url: str
    ca_file: str
    admin: SimulatorAdmin
    process: subprocess.Popen[str]
    output: list[str]
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2])

    @property
    def graph_base_url(self) -> str:
        return f"{self.base_url}/v1.0"

    @property
    def authority(self) -> str:
        return f"{self.base_url}/common"

    def kill(self) -> None:
        """End the process at once, as a crash does. Start again with the same state to see what is left."""
        self.process.kill()
        self.process.wait()


@contextmanager
def start_simulator(
    *,
    state: Path | None = None,
    ca_dir: Path | None = None,
    port: int = 0,
    mailbox: str | None = None,
    auto_consent: bool = True,
    latency_ms: float = 0,
    arguments: Sequence[str] = (),
) -> Iterator[RunningSimulator]:
    """
    Run a simulator for the time of the block. Without `state` it keeps everything in memory.

    Raises `SimulatorFailed` when it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="graph-simulator-") as directory:
        command = [sys.executable, "-m", "dev.graph_simulator", "--port", str(port)]
        command += ["--ca-dir", str(ca_dir or Path(directory, "ca"))]
        command += ["--state", str(state)] if state else ["--in-memory"]
        command += ["--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET, "--latency-ms", str(latency_ms)]
        command += ["--mailbox", mailbox] if mailbox else []
        command += ["--auto-consent"] if auto_consent else []
        with _process([*command, *arguments]) as (process, output):
            line = output.ready_line()
            base_url, ca_file = line.split()[1], line.rpartition(" CA ")[2].removesuffix(")")
            with SimulatorAdmin(base_url, ca_file) as admin:
                yield RunningSimulator(base_url, ca_file, admin, process, output.lines)


@contextmanager
def _process(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], "_Output"]]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=_REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    output = _Output(process)
    try:
        yield process, output
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()


class _Output:
    """What a process prints, read as it comes so that the process never waits for a reader."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stream = process.stdout or io.StringIO()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def ready_line(self) -> str:
        """Wait for the line that names the URL and the authority's certificate."""
        line = self._ready.get()
        if line is None:
            raise SimulatorFailed("".join(self.lines))
        return line.rstrip()

    def close(self) -> None:
        self._thread.join()
        self._stream.close()

    def _read(self) -> None:
        for line in self._stream:
            self.lines.append(line)
            if line.startswith("ready: "):
                self._ready.put(line)
        self._ready.put(None)
