"""Which ports the parts listen on: the same at every start, unless somebody else took one."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType

import psutil

from dev.ports import choose_free_port, is_free


@dataclass(frozen=True)
class StackPorts:
    """One port for each listener."""

    page: int = 5173
    host: int = 7071
    postgres: int = 54329
    blob: int = 10000
    queue: int = 10001
    table: int = 10002
    simulator: int = 9443
    pubsub: int = 8091


DEFAULTS: Mapping[str, int] = MappingProxyType(asdict(StackPorts()))


@dataclass(frozen=True)
class PortChoice:
    ports: StackPorts
    moved: tuple[str, ...]  # a sentence for each port that another program holds


def choose_ports(remembered: Mapping[str, int], free: Callable[[int], bool] = is_free) -> PortChoice:
    """Take each listener's remembered port, else its default, else any, whichever is the first that is free."""
    chosen: dict[str, int] = {}
    moved: list[str] = []
    for entry in fields(StackPorts):
        wanted = remembered.get(entry.name, DEFAULTS[entry.name])
        candidates = [wanted, DEFAULTS[entry.name]]
        port = next((one for one in candidates if one not in chosen.values() and free(one)), None)
        if port is None:
            port = choose_free_port(other_than=[*DEFAULTS.values(), *chosen.values()])
        if port != wanted:
            moved.append(f"port {wanted} is taken{_by_whom(wanted)}: {entry.name} listens on {port} instead")
        chosen[entry.name] = port
    return PortChoice(StackPorts(**chosen), tuple(moved))


def _by_whom(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr[1:] == (port,):
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:  # other people's sockets are not always ours to see
        pass
    return ""
