"""The library's converters by kind of binding, and the worker's own for what the library does not know."""

from typing import Any, ClassVar, Final, Protocol, cast

import azure.functions as func
from azure.functions.meta import Datum

GENERIC: Final = "generic"


class Converter(Protocol):
    """What the library's converters offer; an input has no `encode`, an output no `decode`."""

    def check_input_type_annotation(self, pytype: type) -> bool: ...
    def check_output_type_annotation(self, pytype: type) -> bool: ...
    def decode(self, data: Datum, *, trigger_metadata: Any) -> Any: ...  # noqa: ANN401 (as the library declares it)
    def encode(self, obj: Any, *, expected_type: type | None) -> Datum | None: ...  # noqa: ANN401 (as above)


class _GenericConverter:
    """Passes str and bytes through; the real one is part of the worker, not of the library."""

    _decodable: ClassVar = {"string", "bytes", "json"}

    def check_input_type_annotation(self, pytype: type) -> bool:
        return issubclass(pytype, str | bytes)

    def check_output_type_annotation(self, pytype: type) -> bool:
        return issubclass(pytype, str | bytes | bytearray)

    def decode(self, data: Datum, *, trigger_metadata: Any) -> Any:  # noqa: ANN401, ARG002 (as the library declares it)
        if data.type not in self._decodable:
            raise ValueError(f"unexpected type of data for a str or bytes parameter: {data.type}")
        return data.value

    def encode(self, obj: Any, *, expected_type: type | None) -> Datum | None:  # noqa: ANN401, ARG002 (as above)
        if isinstance(obj, str):
            return Datum(obj, "string")
        if isinstance(obj, bytes | bytearray):
            return Datum(bytes(obj), "bytes")
        raise NotImplementedError


_GENERIC_CONVERTER: Final = _GenericConverter()


def converter_for(kind: str) -> Converter:
    found = func.get_binding_registry().get(kind)
    return cast("Converter", found) if found else _GENERIC_CONVERTER
