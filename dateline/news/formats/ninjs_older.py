"""ninjs 2.2 and 1.6 (IPTC News in JSON) for older clients.

Both say what 3.1 says in lower case; 1.6 has `body_html` and `headline` where the others have lists. What has no
place in 1.6: the dateline but as `description_dateline`, the credit but as an infosource.
"""

from typing import Any

import msgspec

from dateline.news.agency import Agency
from dateline.news.codes import rfc3339
from dateline.news.errors import BadItem
from dateline.news.formats import ninjs
from dateline.news.item import NewsItem

SCHEMAS = {version: f"http://www.iptc.org/std/ninjs/ninjs-schema_{version}.json" for version in ("1.6", "2.2")}
_ENCODER = msgspec.json.Encoder(order="sorted")
_INSTANTS = {
    "embargoed": "embargoed", "first_created": "firstcreated", "version_created": "versioncreated",
    "content_created": "contentcreated",
}  # fmt: skip
_NEWER = {
    "embargoed": "embargoedUntil", "firstcreated": "firstCreated", "versioncreated": "versionCreated",
    "contentcreated": "contentCreated", "pubstatus": "pubStatus", "ednote": "edNote",
}  # fmt: skip


def encode(item: NewsItem, agency: Agency, version: str) -> bytes:
    """Return the item as ninjs `version`, "2.2" or "1.6"."""
    news: dict[str, Any] = {
        "uri": item.uri, "type": "text", "version": str(item.version or 1), "pubstatus": str(item.pubstatus),
        "language": item.language or agency.language, "copyrightholder": agency.name,
        ("$standard" if version == "1.6" else "standard"): {
            "name": "ninjs", "version": version, "schema": SCHEMAS[version],
        },
    }  # fmt: skip
    for name, value in {
        "slugline": item.slugline, "ednote": item.ednote, ("byline" if version == "1.6" else "by"): item.byline,
        "located": "/".join(item.located),
    }.items():  # fmt: skip
        if value:
            news[name] = value
    for field, name in _INSTANTS.items():
        if (instant := getattr(item, field)) is not None:
            news[name] = rfc3339(instant)
    if item.urgency is not None:
        news["urgency"] = item.urgency
    subjects = [{"name": item.section, "rel": "section"}] if item.section else []
    others = item.rest.get("subjects", [])
    subjects += [_older(subject) for subject in others] if version == "1.6" else others
    (_encode_1 if version == "1.6" else _encode_2)(news, item, agency, subjects)
    return _ENCODER.encode({name: value for name, value in news.items() if value not in ("", [], {})})


def _older(subject: dict[str, Any]) -> dict[str, str]:
    """Return a subject as a code in a scheme, which is how ninjs 1 names it."""
    scheme, _, code = str(subject.get("uri", "")).rpartition("/")
    found = {"name": str(subject.get("name", "")), "rel": str(subject.get("rel", "about")), "code": code,
             "scheme": f"{scheme}/" if scheme else ""}  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _encode_1(news: dict[str, Any], item: NewsItem, agency: Agency, subjects: list[dict[str, str]]) -> None:
    news |= {"headline": item.headline, "body_html": item.body, "subject": subjects,
             "description_dateline": item.dateline}  # fmt: skip
    if item.credit:
        news["infosource"] = [{"name": item.credit, "rel": "credit"}]
    if item.path:
        news["altids"] = {"path": item.path}


def _encode_2(news: dict[str, Any], item: NewsItem, agency: Agency, subjects: list[dict[str, str]]) -> None:
    news |= {
        "headlines": [{"role": "main", "value": item.headline}] if item.headline else [],
        "bodies": [{"role": "main", "contenttype": "text/html", "value": item.body}] if item.body else [],
        "descriptions": [{"role": "dateline", "value": item.dateline}] if item.dateline else [],
        "subjects": subjects,
        "infosources": [{"name": item.credit, "role": "credit"}] if item.credit else [],
        "altids": [{"role": "path", "value": item.path}] if item.path else [],
    }


def is_older(data: bytes) -> bool:
    """Whether JSON is ninjs 1 or 2 rather than 3: it says so, or has what only they have."""
    try:
        news = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    if not isinstance(news, dict):
        return False
    standard = news.get("standard") or news.get("$standard")
    named = str(standard.get("version", "")) if isinstance(standard, dict) else ""
    if named:
        return named[:1] in ("1", "2")
    older = {"pubstatus", "versioncreated", "firstcreated", "headline", "ednote", "body_html", "body_text", "altids"}
    return not older.isdisjoint(news)


def decode(data: bytes) -> NewsItem:
    """Return the item that ninjs 1.x or 2.x bytes hold. Raises BadItem with a sentence."""
    try:
        news = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadItem(f"This is not a ninjs item: {error}.") from error
    try:
        return ninjs.decode(_ENCODER.encode(_newer(news)))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise BadItem(f"This ninjs item is not shaped as IPTC's ninjs says: {error}.") from error


def _newer(news: dict[str, Any]) -> dict[str, Any]:
    """Return an older item in the terms of ninjs 3.1."""
    made = {_NEWER.get(name, name): value for name, value in news.items() if name not in ("standard", "$standard")}
    if "byline" in made:
        made["by"] = made.pop("byline")
    if headline := made.pop("headline", ""):
        made["headlines"] = [{"role": "main", "value": headline}]
    bodies = [dict(entry) for entry in made.pop("bodies", [])]
    for name in [name for name in made if name.startswith("body_")]:
        text = made.pop(name)
        kind = "text/plain" if name == "body_text" else "text/html"
        bodies.append({"role": name.removeprefix("body_"), "contentType": kind, "value": text})
    for entry in bodies:
        if "contenttype" in entry:
            entry["contentType"] = entry.pop("contenttype")
    if bodies:
        made["bodies"] = bodies
    descriptions = list(made.pop("descriptions", []))
    for name in [name for name in made if name.startswith("description_")]:
        descriptions.append({"role": name.removeprefix("description_"), "value": made.pop(name)})
    if descriptions:
        made["descriptions"] = descriptions
    for older, newer in (("subject", "subjects"), ("infosource", "infoSources"), ("infosources", "infoSources")):
        if older in made:
            made[newer] = made.pop(older)
    if subjects := made.get("subjects"):
        made["subjects"] = [_with_uri(subject) for subject in subjects]
    if sources := made.get("infoSources"):
        made["infoSources"] = [
            {"role" if name == "rel" else name: value for name, value in source.items()} for source in sources
        ]
    altids = made.pop("altids", None)
    if isinstance(altids, dict):
        made["altIds"] = [{"role": str(name), "value": str(value)} for name, value in altids.items()]
    elif altids:
        made["altIds"] = altids
    return made


def _with_uri(subject: dict[str, Any]) -> dict[str, Any]:
    code, scheme = subject.get("code"), subject.get("scheme")
    if not (code and scheme):
        return subject
    rest = {name: value for name, value in subject.items() if name not in ("code", "scheme")}
    return {**rest, "uri": f"{scheme if scheme.endswith('/') else scheme + '/'}{code}"}
