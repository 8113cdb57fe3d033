"""IPTC's own JSON Schema of ninjs 3.1, to check what comes from elsewhere."""

import json
from functools import lru_cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from dateline.news.errors import BadItem

_GEOJSON = "https://geojson.org/schema/GeoJSON.json"


@lru_cache(maxsize=1)
def validator() -> Draft202012Validator:
    """Return the validator. The schema refers to GeoJSON's, which is not fetched: any object passes for it."""
    text = (resources.files("dateline.news.formats") / "schemas" / "ninjs-schema_3.1.json").read_text()
    schema: Any = json.loads(text)
    geojson: Any = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
    registry: Any = Registry().with_resource(_GEOJSON, Resource.from_contents(geojson))
    return Draft202012Validator(schema, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)


def check(data: bytes) -> None:
    """Raise BadItem with a sentence if the bytes are not a ninjs 3.1 item."""
    try:
        news = json.loads(data)
    except RecursionError as error:
        raise BadItem("This is not JSON of a news item: it is nested too deeply.") from error
    except ValueError as error:
        raise BadItem(f"This is not JSON: {error}.") from error
    for fault in validator().iter_errors(news):
        where = "/".join(map(str, fault.path)) or "the item"
        raise BadItem(f"This is not ninjs 3.1: {where}: {fault.message[:300]}.", where)
