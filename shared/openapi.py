"""The OpenAPI 3.1 document, made from the declared operations and the models they name."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.errors import (
    InvalidRequest,
    MailError,
    NotFound,
    PayloadTooLarge,
    ServiceUnavailable,
    Unauthenticated,
    UnsupportedMediaType,
)
from shared.http import PATH_PARAMETER, PROBLEM_TYPE, Content, Operation, Problem, status_of

REF: Final = "#/components/schemas/{model}"
SCHEMA_BY_CONSTRAINT: Final[Mapping[str | None, dict[str, str]]] = {
    "guid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
    None: {"type": "string"},
}
URL_TOO_LONG: Final = "The URL is too long: an answer of the Functions host, without a body."
EVERYWHERE: Final = (MailError, ServiceUnavailable)

Json = dict[str, Any]
References = dict[tuple[Any, JsonSchemaMode], Json]  # Any: a model, as pydantic types it


def document_from(operations: Sequence[Operation], *, version: str) -> Json:
    """Describe the operations; paths are below `/api`, where the Functions host serves them."""
    references, schemas = _schemas(operations)
    paths: Json = {}
    for operation in sorted(operations, key=lambda each: (each.route, each.method)):
        path = "/" + PATH_PARAMETER.sub(r"{\g<name>}", operation.route)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Email Core System",
            "version": version,
            "description": "Connected mailboxes, mirrored: read, search and follow them.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "operatorKey": {"type": "http", "scheme": "bearer", "description": "A person's key, for operators."},
            },
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[References, Json]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if operation.body:
            wanted[operation.body, "validation"] = None
        for body in operation.replies.values():
            if isinstance(body, type):
                wanted[body, "serialization"] = None
    references: References
    references, definitions = models_json_schema(list(wanted), ref_template=REF)
    return references, dict(definitions["$defs"])


def _operation(operation: Operation, references: References) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(operation.route), *_query_parameters(operation.query)],
        "responses": dict(sorted({**_refusals(operation, references), **_replies(operation, references)}.items())),
        "security": [] if operation.public else [{operation.scheme: []}],
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body:
        content = {"application/json": {"schema": references[operation.body, "validation"]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _path_parameters(route: str) -> list[Json]:
    return [
        {"name": found["name"], "in": "path", "required": True, "schema": SCHEMA_BY_CONSTRAINT[found["constraint"]]}
        for found in PATH_PARAMETER.finditer(route)
    ]


def _query_parameters(query: type[BaseModel] | None) -> list[Json]:
    if query is None:
        return []
    schema = query.model_json_schema(mode="validation")
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _inline(_without_null(field), schema)}
        for name, field in schema["properties"].items()
    ]


def _inline(field: Json, schema: Json) -> Json:
    """Put an enumeration that the query's own schema defines where it is used."""
    name = str(field.get("$ref", "")).removeprefix("#/$defs/")
    return schema["$defs"][name] if name else field


def _without_null(field: Json) -> Json:
    """Drop null, which a query string cannot say: a key is there or it is not."""
    kept = {key: value for key, value in field.items() if key != "title" and (key, value) != ("default", None)}
    options = [option for option in kept.pop("anyOf", []) if option != {"type": "null"}]
    return {**kept, **(options[0] if len(options) == 1 else {"anyOf": options} if options else {})}


def _replies(operation: Operation, references: References) -> Json:
    replies: Json = {}
    for status, body in operation.replies.items():
        reply: Json = {"description": HTTPStatus(status).phrase}
        replies[str(status)] = reply
        if isinstance(body, Content):
            reply.update(description=body.description, content={body.media_type: {"schema": {}}})
        elif body is not None:
            reply["content"] = {"application/json": {"schema": references[body, "serialization"]}}
    return replies


def _refusals(operation: Operation, references: References) -> Json:
    by_status: dict[int, list[type[MailError]]] = {}
    for error in sorted(expected_errors(operation), key=lambda each: (status_of(each), each.code)):
        by_status.setdefault(status_of(error), []).append(error)
    schema = references[Problem, "serialization"]
    refusals: Json = {"414": {"description": URL_TOO_LONG}} if operation.query else {}
    return refusals | {
        str(status): {
            "description": " · ".join(f"{error.code}: {error.title}" for error in errors),
            "content": {PROBLEM_TYPE: {"schema": schema}},
        }
        for status, errors in by_status.items()
    }


def expected_errors(operation: Operation) -> set[type[MailError]]:
    errors: set[type[MailError]] = {*operation.raises, *EVERYWHERE}
    if not operation.public:
        errors.add(Unauthenticated)
    if operation.query:
        errors.add(InvalidRequest)
    if operation.body:
        errors |= {InvalidRequest, PayloadTooLarge, UnsupportedMediaType}
    if PATH_PARAMETER.search(operation.route):
        errors.add(NotFound)
    return errors
