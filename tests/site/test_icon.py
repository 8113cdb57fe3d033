"""The mark in a browser's tab: ours, or the agency's own; one for readers and for the desk."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dateline.options import BadOption, read_options

OWN = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><circle cx="2" cy="2" r="2"/></svg>'


def lead(client: Client) -> str:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302 and "max-age=86400" in answer["Cache-Control"]
    return str(answer["Location"])


def test_the_icon_is_where_icons_always_were_and_in_every_page_of_ours(home: Path) -> None:
    from dateline.site import assets, render

    client = Client(headers={"host": "localhost"})
    address = lead(client)
    page = assets.asset_pages()[address]
    assert page.media_type == "image/svg+xml" and "immutable" in page.cache
    for name, path in (("front", "/"), ("sections", "/sections/")):
        ready = render.render(name)[path]
        assert ready is not None and f'<link rel="icon" href="{address}"'.encode() in ready.body, path
    for path in ("/desk/account/login/", "/desk/account/password/reset/"):
        assert b'<link rel="icon" href="/favicon.ico"' in client.get(path).content, path


def test_an_agencys_own_icon_stands_in_the_place_of_ours_at_an_address_of_its_own(home: Path, settings: Any) -> None:
    from dateline.site import assets

    client = Client(headers={"host": "localhost"})
    before = lead(client)
    (home / "mark.svg").write_bytes(OWN)
    options = read_options({"DATELINE_ICON": str(home / "mark.svg")}, home)
    settings.OPTIONS = {**settings.OPTIONS, "ICON": options["ICON"]}
    assert lead(client) != before, "browsers keep the old one for a year"
    assert assets.asset_pages()[lead(client)].body == OWN


def svg(inside: str = "", attributes: str = "", before: str = "") -> bytes:
    return f'{before}<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}<path d="M0 0h4"/></svg>'.encode()


LINK = 'xmlns:x="http://www.w3.org/1999/xlink"'


@pytest.mark.parametrize(
    "data",
    [
        svg("<script>alert(1)</script>"), svg('<g><script href="/static/x.js"/></g>'), svg(attributes='onload="alert(1)"'),
        svg('<path onClick="alert(1)"/>'), svg('<a href="javascript:alert(1)"/>'),
        svg('<a x:href=" java&#10;Script:alert(1)"/>', LINK),
        svg('<a><set attributeName="href" to="javascript:alert(1)"/></a>'),
        svg("<foreignObject><p xmlns='http://www.w3.org/1999/xhtml'>x</p></foreignObject>"),
        svg("<script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>"),
        svg("<h:img src='x'/>", "xmlns:h='http://www.w3.org/1999/xhtml'"),
        svg("&x;", before="<!DOCTYPE svg [<!ENTITY x '<script>alert(1)</script>'>]>"),
        svg(before="<?xml-stylesheet type='text/xsl' href='#x'?>"),
    ],
)  # fmt: skip
def test_an_icon_in_which_something_could_run_stops_the_start(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "mark.svg").write_bytes(data)
    with pytest.raises(BadOption, match=r"it must be the path of an SVG file without scripts, .*save it without"):
        read_options({"DATELINE_ICON": str(tmp_path / "mark.svg")}, tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        svg("<style>path { fill: red }</style><title>Tidewater on air</title>"),
        svg("<g id='once'/><use href='#once'/><a href='https://news.example.org/'/>"),
        svg(before='<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">'),
    ],
)
def test_an_icon_that_only_draws_is_taken_as_it_is(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "mark.svg").write_bytes(data)
    assert read_options({"DATELINE_ICON": str(tmp_path / "mark.svg")}, tmp_path)["ICON"] == data


@pytest.mark.parametrize("data", [None, b"", b"GIF89a", b"<html/>", b"<svg>", OWN.replace(b"4 4", b"4 " * 40_000)])
def test_what_is_no_icon_stops_the_start_with_a_sentence(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "mark.svg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadOption, match=r"^DATELINE_ICON is .* it must be the path of an SVG file"):
        read_options({"DATELINE_ICON": str(path)}, tmp_path)
