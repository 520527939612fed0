"""What a person sees of the stack: one table, then one line for each thing that happens."""

from collections.abc import Mapping, Sequence

from dev.stack.part import Part
from dev.stack.places import shown


def say(line: str) -> None:
    print(line, flush=True)


def table(parts: Sequence[Part], pids: Mapping[str, int], elsewhere: Mapping[str, str]) -> str:
    """Return what runs where; `elsewhere` names the parts that are not ours, and where they are."""
    rows = [("part", "address", "pid", "log")]
    rows += [(part.name, part.address, str(pids.get(part.name, "-")), shown(part.log)) for part in reversed(parts)]
    rows += [(name, address, "-", "not ours") for name, address in elsewhere.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
