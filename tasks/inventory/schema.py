"""The JSON Schema of hosts.yml, with which editors complete and check it."""

from __future__ import annotations

from typing import Any

from tasks.inventory.model import HostsFile


def json_schema() -> dict[str, Any]:
    """In draft 7, which every YAML language server knows."""
    schema = HostsFile.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    _close(definitions)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema, "definitions": definitions}


def _close(schema: Any) -> None:
    """Refuse keys that do not match a pattern, as loading does; pydantic's schema would accept them."""
    if isinstance(schema, dict):
        if "patternProperties" in schema:
            schema["additionalProperties"] = False
        schema = list(schema.values())
    for inner in schema if isinstance(schema, list) else ():
        _close(inner)
