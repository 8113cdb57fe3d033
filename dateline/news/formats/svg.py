"""An agency's mark as SVG: taken only where it draws and does nothing else.

Our own answers carry a policy that lets no script of it run; but the folder of pages may be served by anyone.
"""

import re
from typing import Any

from lxml import etree

from dateline.news.errors import BadItem
from dateline.news.formats import xml

_NAMESPACE = "http://www.w3.org/2000/svg"
# Elements that run something (SVG 2, section 15; `handler` and `listener`: SVG Tiny 1.2), or hold what may.
_RUNNING = {"script", "handler", "listener", "foreignObject"}
# Browsers overlook what stands in between.
_BLANKS = re.compile(r"[\x00-\x20]")


def check_mark(data: bytes) -> None:
    """Raise BadItem where these are not the bytes of an SVG image, or where something in it could run."""
    root = xml.parse(data, "SVG")
    if root.tag not in ("svg", f"{{{_NAMESPACE}}}svg"):
        raise BadItem("its outermost element is no svg")
    document = root.getroottree().docinfo.internalDTD
    # What an entity stands for appears only in the browser; what a style sheet makes of it, too.
    if document is not None and document.entities():
        raise BadItem("it declares entities; save it without them")
    if root.xpath("preceding-sibling::processing-instruction('xml-stylesheet')"):
        raise BadItem("it names a style sheet; save it without one")
    for element in root.iter(etree.Element):
        _check_element(element)


def _check_element(element: Any) -> None:
    name = etree.QName(element)
    if name.localname in _RUNNING or name.namespace == xml.XHTML:
        raise BadItem(f"it has the element {name.localname}, which could run a script; save it without")
    for attribute, value in element.attrib.items():
        said = etree.QName(attribute).localname
        if said.lower().startswith("on") or "javascript:" in _BLANKS.sub("", value).lower():
            raise BadItem(f"its element {name.localname} runs a script ({said}); save it without")
