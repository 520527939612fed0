"""A table for the person at the terminal, and the same figures as JSON."""

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".local" / "benchmarks"

SMALL = 10

Row = Mapping[str, str | float]


def write_report(name: str, rows: Sequence[Row]) -> None:
    """Print the rows, which share their keys, and keep them with date, machine and commit."""
    columns = list(rows[0])
    cells = [columns, *[[_shown(row[column]) for column in columns] for row in rows]]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - git is wherever it is
    report = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {cpu_count()} cores, Python {platform.python_version()}",
        "commit": commit.stdout.strip(),
        "rows": list(rows),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(report, indent=2))


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.1f}" if abs(value) >= SMALL else f"{value:.3g}"
