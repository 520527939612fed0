"""The version that is deployed."""

from typing import Final

VERSION: Final = "0.1.0"
