"""A command takes an item as people have it at hand: its uri, its id, its page's address as a browser shows it."""

import pytest
from django.conf import settings

from dateline.cli.acts import _find
from dateline.wire.errors import UnknownItem
from tests.outlets import publish

pytestmark = pytest.mark.usefixtures("home")


def test_an_item_is_found_by_its_address_as_it_is_copied() -> None:
    dispatch = publish("Harbour reopens")
    other = publish("Harbour reopens v2", uri="http://wire.example/items?id=7#lead")
    path = dispatch.news.path
    for text in (dispatch.uri, dispatch.uri.rpartition(":")[2], path, f"{settings.AGENCY.url}{path}"):
        assert _find(text) == dispatch.uri
    for rest in ("v1/", "v12/", "?x=1", "#a", "v1/?x=1#a"):
        for address in (path, f"{settings.AGENCY.url}{path}", f"https://proxy.example{path}"):
            assert _find(address + rest) == dispatch.uri
    assert _find(other.uri) == other.uri and _find(other.news.path + "?x") == other.uri
    for text in ("?x=1", "v1/", "/", "#a", "", f"{settings.AGENCY.url}/v1/", "http://wire.example/items?id=8"):
        with pytest.raises(UnknownItem):
            _find(text)
