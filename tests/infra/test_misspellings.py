"""Every property of every resource, misspelt one after the other, is found in its line."""

from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
from tree_sitter import Node

from dev.infra.bicep import BicepFile, parse, read_template, text_of, walk
from dev.infra.properties import checked_properties

FREE = {"tags", "userAssignedIdentities"}
"""What stands below these is named by us."""


def keys_of(file: BicepFile) -> Iterator[Node]:
    for resource in file.declared("resource").values():
        for node in walk(resource.body):
            if node.type == "object_property" and not FREE & set(around(node)):
                yield node.children[0]


def around(node: Node) -> Iterator[str]:
    above = node.parent
    while above is not None:
        if above.type == "object_property":
            yield text_of(above.children[0])
        above = above.parent


@pytest.mark.parametrize("path", [str(path) for path in read_template()])
def test_a_misspelt_property_is_found_in_its_line(path: str) -> None:
    template = read_template()
    file = template[PurePosixPath(path)]
    missed = []
    for key in keys_of(file):
        text = text_of(file.root).encode()
        end = key.end_byte - (1 if key.type == "string" else 0)
        misspelt = BicepFile(file.path, parse(text[:end] + b"x" + text[end:]))
        found = {each.at for each in checked_properties({**template, file.path: misspelt}) if each.problem}
        if file.at(key) not in found:
            missed.append(f"{file.at(key)}: {text_of(key)}")
    assert missed == []
