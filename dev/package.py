"""`python -m dev.package FILE`: make the zip that is uploaded to Azure, and tell how large it is."""

import argparse
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

ROOT: Final = Path(__file__).parents[1]
LIMIT_BYTES: Final = 60_000_000
_SAME_TIME: Final = (1980, 1, 1, 0, 0, 0)  # one content is one file, whenever it is packed


def packaged_files(root: Path = ROOT) -> list[Path]:
    """List what .funcignore leaves of a checkout, relative to it and sorted; git's word on a file does not count."""
    rules = GitIgnoreSpec.from_lines((root / ".funcignore").read_text().splitlines())
    return sorted(_kept(root, Path(), rules))


def write_package(target: Path, root: Path = ROOT) -> int:
    """Write the zip and return its size in bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for file in packaged_files(root):
            entry = zipfile.ZipInfo(file.as_posix(), _SAME_TIME)
            entry.external_attr = 0o644 << 16
            package.writestr(entry, (root / file).read_bytes(), zipfile.ZIP_DEFLATED)
    return target.stat().st_size


def _kept(root: Path, folder: Path, rules: GitIgnoreSpec) -> Iterator[Path]:
    for entry in (root / folder).iterdir():
        path = folder / entry.name
        if entry.is_dir():
            if not rules.match_file(f"{path.as_posix()}/"):
                yield from _kept(root, path, rules)
        elif not rules.match_file(path.as_posix()):
            yield path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.package", description=__doc__)
    parser.add_argument("file", type=Path)
    target: Path = parser.parse_args().file
    size = write_package(target)
    print(f"{target}: {len(packaged_files())} files, {size:,} bytes of the {LIMIT_BYTES:,} that it may have")
    return int(size > LIMIT_BYTES)


if __name__ == "__main__":
    sys.exit(main())
