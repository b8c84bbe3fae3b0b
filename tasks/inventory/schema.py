"""The JSON Schema of hosts.yml, by which editors complete and check it."""

from __future__ import annotations

from typing import Any

from tasks.inventory.model import HostsFile


def json_schema() -> dict[str, Any]:
    """Draft 7, which every YAML language server speaks."""
    schema = HostsFile.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema, "definitions": definitions}
