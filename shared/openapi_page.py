"""The OpenAPI document as one HTML page: no script, nothing from elsewhere."""

import base64
import hashlib
import json
from html import escape
from typing import Any, Final

Json = dict[str, Any]

STYLE: Final = """
:root { color-scheme: light dark; --line: light-dark(#d8dee6, #343b44); --soft: light-dark(#f4f6f9, #1c2127);
        --link: light-dark(#0b57a4, #8ab8f0); --dim: light-dark(#57606c, #9aa4b0); }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.25rem 5rem; max-width: 62rem; font: 16px/1.55 system-ui, sans-serif;
       background: light-dark(#fff, #14181d); color: light-dark(#1a2129, #e4e9ef) }
a { color: var(--link) } h2 { margin-top: 2.5rem } code, pre { font: 14px/1.5 ui-monospace, monospace }
nav ul { columns: 18rem; padding-left: 1.1rem }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto }
details { border: 1px solid var(--line); border-radius: 8px; margin: .6rem 0; padding: 0 1rem }
summary { cursor: pointer; padding: .65rem 0; overflow-wrap: anywhere }
summary b { display: inline-block; min-width: 4.2rem } summary span { color: var(--dim) }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
EXAMPLE_BY_FORMAT: Final = {
    "uuid": "0b8f6d2e-7c1a-5f0e-9a57-3d1c0a4f7e21",
    "date-time": "2026-11-02T09:30:00Z",
    "email": "ada@contoso.example",
}


def page_from(document: Json) -> str:
    schemas = document["components"]["schemas"]
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    sections = [
        f"<section><h2 id='{escape(tag['name'])}'>{escape(tag['name'])}</h2>"
        + "".join(_operation(*each, schemas) for each in operations if tag["name"] in each[2]["tags"])
        + "</section>"
        for tag in document["tags"]
    ]
    models = "".join(_model(name, schema, schemas) for name, schema in sorted(schemas.items()))
    info = document["info"]
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(info['title'])} API</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>"
        f"<p>{escape(info['description'])} All paths are below <code>/api</code>. The same as a document for programs: "
        f"<a href='openapi.json'>openapi.json</a>.</p>{_contents(operations)}{''.join(sections)}"
        f"<section><h2 id='models'>Models</h2>{models}</section></main></body></html>"
    )


def _contents(operations: list[tuple[str, str, Json]]) -> str:
    items = "".join(
        f"<li><a href='#{escape(operation['operationId'])}'>{escape(operation['summary'])}</a></li>"
        for _, _, operation in operations
    )
    return f"<nav aria-label='Operations'><ul>{items}</ul></nav>"


def _operation(method: str, path: str, operation: Json, schemas: Json) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    access = "Needs an access token." if operation["security"] else "Open to everybody."
    return (
        f"<details id='{escape(operation['operationId'])}'><summary><b>{method.upper()}</b> "
        f"<code>{escape(path)}</code> <span>{escape(operation['summary'])}</span></summary>"
        f"<p>{escape(operation.get('description', ''))} {access}</p>{_parameters(operation['parameters'])}"
        + (f"<h4>Body: {_type(body)}</h4>{_example(body, schemas)}" if body else "")
        + "".join(_response(status, reply, schemas) for status, reply in operation["responses"].items())
        + "</details>"
    )


def _parameters(parameters: list[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}{', required' if each['required'] else ''}"
        f"</td><td>{_type(each['schema'])}</td></tr>"
        for each in parameters
    )
    return f"<table><tr><th>Parameter</th><th>Where</th><th>Type</th></tr>{rows}</table>" if rows else ""


def _response(status: str, reply: Json, schemas: Json) -> str:
    media_type, content = next(iter(reply.get("content", {"": {"schema": {}}}).items()))
    schema = content["schema"]
    shown = _example(schema, schemas) if status.startswith("2") and "$ref" in schema else ""
    return (
        f"<h4>{escape(status)} <small>{escape(media_type)} {_type(schema) if schema else ''}</small></h4>"
        f"<p>{escape(reply['description'])}</p>{shown}"
    )


def _model(name: str, schema: Json, schemas: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{'' if field in schema.get('required', []) else ' (optional)'}</td>"
        f"<td>{_type(described)}</td></tr>"
        for field, described in schema.get("properties", {}).items()
    )
    values = ", ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", []))
    return (
        f"<details id='model-{escape(name)}'><summary><b>{escape(name)}</b></summary>"
        f"<p>{escape(schema.get('description', ''))} {values}</p><table>{rows}</table>"
        f"{_example(schema, schemas) if rows else ''}</details>"
    )


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = escape(_name_in(schema))
        return f"<a href='#model-{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = {"format", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "default"}
    details = ", ".join(f"{key} {json.dumps(schema[key])}" for key in schema if key in limits)
    return escape(f"{schema.get('type', 'any')}{f' ({details})' if details else ''}")


def _example(schema: Json, schemas: Json) -> str:
    return f"<pre>{escape(json.dumps(_value(schema, schemas), indent=2))}</pre>"


def _value(schema: Json, schemas: Json) -> object:
    """Make up a value of a schema; our models do not contain themselves."""
    if "$ref" in schema:
        return _value(schemas[_name_in(schema)], schemas)
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], schemas)
    if schema.get("type") == "object":
        return {name: _value(field, schemas) for name, field in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [_value(schema["items"], schemas)] if schema.get("items") else []
    return _scalar(schema)


def _scalar(schema: Json) -> object:
    given = [schema["const"]] if "const" in schema else schema.get("enum", [])
    made_up = {
        "integer": schema.get("minimum", 1),
        "number": schema.get("minimum", 1),
        "boolean": False,
        "string": EXAMPLE_BY_FORMAT.get(schema.get("format", ""), "text"),
    }
    return schema.get("default", given[0] if given else made_up.get(schema.get("type", "string")))


def _name_in(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
