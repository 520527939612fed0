"""Before the page is uploaded: tell it where the API is."""

import json
from pathlib import Path
from typing import Final

from infra.hooks.commands import ROOT, required, say, stop

PAGE: Final = ROOT / "frontend" / "dist"


def main() -> None:
    write_config(PAGE, required("PUBLIC_BASE_URL"))
    say(f"The page will call {required('PUBLIC_BASE_URL')}/api")


def write_config(page: Path, public_base_url: str) -> None:
    """Write the file that a built page reads first."""
    if not (page / "index.html").exists():
        stop("The page is not built: `make page` builds it.")
    content = json.dumps({"apiBaseUrl": f"{public_base_url}/api"}, indent=2)
    (page / "config.json").write_text(f"{content}\n")


if __name__ == "__main__":
    main()
