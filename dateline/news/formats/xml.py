"""What the XML formats share: reading without trust, small elements, the body's subset as XHTML."""

from collections.abc import Iterator
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from dateline.news.errors import BadItem

XHTML = "http://www.w3.org/1999/xhtml"


def parse(data: bytes, what: str) -> Any:
    """Return the root of a document. No entity is resolved, nothing is fetched. Raises BadItem."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadItem(f"This is not {what}: {error}.") from error
    for node in root.iter(etree.Entity, etree.ProcessingInstruction):
        _drop(node)
    return root


def _drop(node: Any) -> None:
    parent = node.getparent()
    if parent is not None:
        parent.remove(node)


def add(parent: Any, name: str, text: str | None = None, /, **attributes: str) -> Any:
    """Add a child, in the parent's namespace."""
    namespace = etree.QName(parent).namespace
    child = etree.SubElement(parent, f"{{{namespace}}}{name}" if namespace else name)
    for key, value in attributes.items():
        child.set(key, plain(value))
    if text is not None:
        child.text = plain(text)
    return child


def plain(text: str) -> str:
    """Return text without the characters that XML 1.0 has no way to say."""
    return "".join(letter for letter in text if letter in "\t\n\r" or (letter >= " " and letter not in "\ufffe\uffff"))


def dump(root: Any) -> bytes:
    """Return a document's bytes."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def fragment(markup: str) -> Any:
    """Return a body's markup as an element `div` of HTML."""
    return lxml_html.fragment_fromstring(plain(markup), create_parent="div")


def names(element: Any) -> Iterator[tuple[str, Any]]:
    """Yield each child element with its name, whatever its namespace."""
    for child in element:
        if isinstance(child.tag, str):
            yield etree.QName(child).localname, child


def first(element: Any, *path: str) -> Any:
    """Return the first descendant along a path of names, whatever their namespaces; None if there is none."""
    for name in path:
        if element is None:
            return None
        element = next((child for found, child in names(element) if found == name), None)
    return element


def every(element: Any, name: str) -> list[Any]:
    """Return every child of a name, whatever its namespace."""
    return [] if element is None else [child for found, child in names(element) if found == name]


def text_of(element: Any) -> str:
    """Return an element's text in one line, '' for None."""
    return "" if element is None else " ".join("".join(element.itertext()).split())
