"""
Print the OpenAPI document of the whole app: `python -m dev.openapi > frontend/openapi.json`.

It needs no settings and no running part.
"""

import json
import sys

import function_app  # noqa: F401 - importing it declares every endpoint
from shared.http import OPERATIONS
from shared.openapi import document_from
from shared.version import VERSION

if __name__ == "__main__":
    json.dump(document_from(OPERATIONS, version=VERSION), sys.stdout, indent=2)
