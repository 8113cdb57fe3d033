"""Pictures: their metadata is read, readers get sizes of them with the item, and what the wire carries stays."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from PIL import Image

from dateline.news.acts import Act
from dateline.news.formats import ninjs
from dateline.news.formats.schema import check as check_schema
from dateline.wire import store

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'photoshop:Credit="Tidewater"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">The harbour at noon.</rdf:li>'
    "</rdf:Alt></dc:description><dc:creator><rdf:Seq><rdf:li>Maren Toll</rdf:li></rdf:Seq></dc:creator>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def picture(**fields: Any) -> Any:
    from dateline.desk.models import Picture

    data = io.BytesIO()
    Image.new("RGB", (1600, 900), (30, 90, 140)).save(data, "JPEG", xmp=XMP.encode())
    file = SimpleUploadedFile("harbour.jpg", data.getvalue(), "image/jpeg")
    made = Picture(title="Harbour", file=file, alt="Ships in a harbour", **fields)
    made.save()
    return made


@pytest.fixture
def media(home: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = str(home / "desk-media")


def with_picture(desk: Any, shown: Any) -> Any:
    value = {"picture": shown.pk, "caption": "", "alt": ""}
    from dateline.desk.models import Story

    body = Story._meta.get_field("body").to_python(
        [{"type": "text", "value": "<p>The harbour reopened.</p>"}, {"type": "picture", "value": value}]
    )
    return desk.story(body=body)


def test_what_a_file_says_of_itself_is_read_and_what_was_typed_stays(media: None, desk: Any) -> None:
    made = picture()
    assert (made.caption, made.credit, made.alt) == (
        "The harbour at noon.",
        "Maren Toll/Tidewater",
        "Ships in a harbour",
    )
    assert len(made.digest) == 64


def test_readers_get_the_sizes_of_a_released_picture_and_of_no_draft(media: None, desk: Any) -> None:
    from dateline.desk.release_story import release_story
    from dateline.site.pictures import with_pictures

    made = picture()
    story = with_picture(desk, made)
    address = f"/pictures/{made.digest}/800."
    reader = Client(headers={"host": "localhost"})
    assert reader.get(address + "jpg").status_code == 404
    item = release_story(story, Act.PUBLISH, desk.editor).news
    check_schema(ninjs.encode(item))
    assert item.rest["associations"][0]["uri"].startswith("ni:///sha-256;")
    for kind in ("avif", "webp", "jpg"):
        answer = reader.get(address + kind)
        assert answer.status_code == 200 and "immutable" in answer["Cache-Control"]
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.size == (800, 450)
            assert not image.getxmp()
    page = with_pictures(item)
    assert '<source type="image/avif"' in page and 'loading="lazy"' in page and "480w" in page
    assert "Ships in a harbour" in page and "<cite>Maren Toll/Tidewater</cite>" in page


def test_a_picture_on_the_wire_is_never_deleted_and_an_expired_one_does_not_go_out(media: None, desk: Any) -> None:
    from dateline.desk.errors import ReleaseRefused
    from dateline.desk.models import Picture
    from dateline.desk.release_story import release_story

    made = picture()
    release_story(with_picture(desk, made), Act.PUBLISH, desk.editor)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        Picture.objects.filter(pk=made.pk).delete()
    old = picture(expires=datetime.now(UTC).date() - timedelta(days=2))
    with pytest.raises(ReleaseRefused, match="may be used until"):
        release_story(with_picture(desk, old), Act.PUBLISH, desk.editor)
    assert store.head_seq() == 1


def test_the_screens_show_a_draft_picture_to_the_desk_alone(media: None, desk: Any) -> None:
    made = picture()
    story = with_picture(desk, made)
    client = desk.client(desk.editor)
    page = client.get(f"/desk/release/{story.pk}/").content.decode()
    assert f"/desk/picture/{made.digest}/" in page
    assert client.get(f"/desk/picture/{made.digest}/800.jpg").status_code == 200
    assert client.get(f"/desk/media/{made.file.name}").status_code == 200
    assert client.get("/desk/media/../keys/wire.key").status_code == 404
    stranger = Client(headers={"host": "localhost"})
    for address in (f"/desk/picture/{made.digest}/800.jpg", f"/desk/media/{made.file.name}"):
        assert stranger.get(address).status_code == 302


def test_a_refused_release_makes_no_picture_public(media: None, desk: Any) -> None:
    made = picture()
    story = with_picture(desk, made)
    answer = desk.client(desk.reporter).post(
        f"/desk/release/{story.pk}/", {"act": "publish", "do": "release", "seen": "x"}
    )
    assert answer.status_code == 409
    assert Client(headers={"host": "localhost"}).get(f"/pictures/{made.digest}/480.jpg").status_code == 404


def test_who_writes_uploads_and_changes_pictures_and_an_operator_does_not(media: None, desk: Any) -> None:
    from django.urls import reverse

    made = picture(uploaded_by_user=desk.editor)
    for person, status in ((desk.reporter, 200), (desk.chief, 200), (desk.operator, 302)):
        client = desk.client(person)
        assert client.get(reverse("wagtailimages:add")).status_code == status
        assert client.get(reverse("wagtailimages:edit", args=[made.pk])).status_code == status


def test_a_picture_too_large_to_open_gets_a_sentence(media: None, desk: Any) -> None:
    data = io.BytesIO()
    Image.new("1", (30000, 6000)).save(data, "PNG")
    file = SimpleUploadedFile("bomb.png", data.getvalue(), "image/png")
    answer = desk.client(desk.reporter).post("/desk/images/add/", {"title": "Large", "file": file}, follow=True)
    assert answer.status_code == 200
    assert "more pixels than the desk opens" in answer.content.decode()


def test_an_untouched_table_in_a_draft_is_no_table(media: None, desk: Any) -> None:
    from dateline.desk.models import Story
    from dateline.desk.story_item import item_of

    body = Story._meta.get_field("body").to_python(
        [{"type": "text", "value": "<p>Text.</p>"}, {"type": "table", "value": None}]
    )
    story = desk.story(body=body)
    from datetime import date

    assert item_of(story, date(2026, 11, 25)).body == "<p>Text.</p>"
