"""host.json and staticwebapp.config.json hold nothing that their readers would pass over."""

import shutil
from pathlib import Path

import pytest

from dev.infra.bicep import REPOSITORY
from dev.infra.documents import DOCUMENTS, document_faults

HOST = "host.json"
PAGE = "frontend/public/staticwebapp.config.json"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the documents alone."""
    for path in DOCUMENTS.values():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / path, tmp_path / path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (HOST, '"batchSize": 16', '"batchSzie": 16', "host.json:13: "),
        (HOST, '"batchSize": 16', '"batchSize": 64', "host.json:13: 64 is greater than the maximum of 32"),
        (HOST, '"base64"', '"utf8"', "host.json:18: "),
        (HOST, '"00:10:00"', '"600"', "host.json:7: "),
        (HOST, '"samplingSettings"', '"sampling"', "host.json:26: "),
        (PAGE, '"navigationFallback"', '"fallback"', f"{PAGE}:"),
        (PAGE, '"exclude"', '"excludes"', f"{PAGE}:4: "),
        (PAGE, '"route": "/assets/*"', '"route": "assets/*"', f"{PAGE}:7: "),
        (PAGE, '"x-content-type-options": "nosniff",', "", '"x-content-type-options" is a required property'),
    ],
)
def test_what_a_reader_does_not_know_is_found(checkout: Path, path: str, old: str, new: str, expected: str) -> None:
    text = (checkout / path).read_text()
    assert old in text
    (checkout / path).write_text(text.replace(old, new, 1))
    found = document_faults(checkout)
    assert any(expected in fault for fault in found), found
