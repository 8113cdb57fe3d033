"""File drops and e-mail, to real servers: whole files under their names, mails that say what they are, refusals."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from test_streams import fold_all

from dateline.delivery.errors import BadEndpoint, DeliveryError
from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.news.formats.outgoing import FORMS
from dateline.news.item import NewsItem
from tests.mailbox import Mailbox
from tests.subscriber_servers import PASSWORD, USER, Sftp, ftp, s3


@pytest.fixture
def allowed(home: Path, settings: Any) -> Path:
    """A home whose drops may go to the loopback."""
    import ipaddress

    settings.OPTIONS = {**settings.OPTIONS, "WEBHOOK_NETWORKS": (ipaddress.ip_network("127.0.0.0/8"),)}
    return home


def lines(name: str) -> Any:
    """Return a subscription and its lines."""
    from dateline.delivery import store, subscribing
    from dateline.delivery.lines import lines_of

    found = subscribing.find(name)
    return found, lines_of(store.read_rows(found.stream, found.since, 100), found)


class Dropper:
    """Drops, and keeps what it is told to."""

    def __init__(self) -> None:
        from dateline.delivery.ways.drop import Drops
        from dateline.delivery.ways.threads import Threads

        self.kept: list[Any] = []

        async def keep(*option: Any) -> None:
            self.kept.append(option)

        self.drops = Drops(Threads(), keep)

    def drop(self, name: str) -> list[Any]:
        """Hand every line of a subscription over; return the outcomes."""
        from dateline.delivery import subscribing

        found, its = lines(name)

        async def all_of_them() -> list[Any]:
            return [await self.drops.hand_over(found, line, f"key-{line.seq}") for line in its]

        outcomes = asyncio.run(all_of_them())
        for option in self.kept:
            subscribing.keep_option(*option)
        return outcomes


def wire_of_three() -> None:
    from dateline.wire.append import append

    made = append(Act.PUBLISH, NewsItem(headline="Harbour reopens", body="<p>Ships are in.</p>", section="World"))
    append(Act.PUBLISH, NewsItem(headline="Forged", body="<p>Never so.</p>"))
    append(Act.KILL, uri=append(Act.PUBLISH, NewsItem(headline="Gone", body="<p>Secret.</p>")).uri, note="Forged.")
    append(Act.CORRECT, NewsItem(uri=made.uri, headline="Harbour reopens in part"), note="In part only.")
    fold_all()


def check_files(files: dict[str, bytes], suffix: str = ".json") -> None:
    names = sorted(files)
    assert [name.split("-")[:2] for name in names] == [
        ["0000000001", "publish"], ["0000000002", "publish"], ["0000000003", "publish"], ["0000000004", "kill"],
        ["0000000005", "correct"],
    ]  # fmt: skip
    assert all(name.endswith(suffix) for name in names)
    assert b"Secret" not in b"".join(files.values())


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def subscribe(name: str, url: str, form: str = "", **options: str) -> Any:
    from dateline.delivery import subscribing

    return subscribing.subscribe(name, Terms(url=url, form=form, options=options))


def test_a_drop_in_a_folder_of_this_machine_has_whole_files_and_the_wires_very_bytes(home: Path) -> None:
    from dateline.wire import store as wire

    subscribe("Quay", "file:quay/in")
    wire_of_three()
    assert [outcome.said for outcome in Dropper().drop("Quay")] == [""] * 5
    files = read(home / "drops" / "quay" / "in")
    check_files(files)
    first = wire.read_dispatch(1)
    assert first is not None and files[min(files)] == first.item
    # What comes twice is one file.
    Dropper().drop("Quay")
    assert read(home / "drops" / "quay" / "in") == files


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_can_be_dropped_stubs_and_kills_too(home: Path, form: str) -> None:
    subscribe("Quay", "file:quay", form=form)
    wire_of_three()
    assert [outcome.said for outcome in Dropper().drop("Quay")] == [""] * 5
    files = read(home / "drops" / "quay")
    check_files(files, FORMS[form].suffix)
    for name, data in files.items():
        if name.endswith(".xml"):
            etree.fromstring(data)
        elif name.endswith(".json"):
            json.loads(data)
    if form in ("text", "iptc7901"):
        marks = [data.count(b"KILL: do not use") for _, data in sorted(files.items())]
        assert [bool(count) for count in marks] == [False, False, True, True, False]
        assert all(b"tag:tidewater.example" in data for name, data in files.items() if "kill" in name)
    if form == "newsml-g2":
        states = [b"stat:canceled" in files[name] for name in sorted(files)]
        assert states == [False, False, True, True, False]


def test_sftp_takes_the_first_host_key_keeps_it_and_refuses_another(allowed: Path, tmp_path: Path) -> None:
    from dateline.delivery import subscribing

    root = tmp_path / "server"
    (root / "in").mkdir(parents=True)
    server = Sftp(root)
    subscribe("Quay", f"sftp://{USER}@127.0.0.1:{server.port}/in/deep", password=PASSWORD)
    wire_of_three()
    dropper = Dropper()
    assert [outcome.said for outcome in dropper.drop("Quay")] == [""] * 5
    check_files(read(root / "in" / "deep"))
    kept = subscribing.find("Quay").way["host_key"]
    assert kept == server.key.fingerprint
    # A connection that was cut is made again with the next attempt.
    assert dropper.drop("Quay")[0].said == ""
    server.cut()
    said = [outcome.said for outcome in dropper.drop("Quay")]
    assert said[0] and said[1:] == [""] * 4, said
    server.key = type(server.key).generate(2048)
    refused = Dropper().drop("Quay")[0]
    assert refused.permanent and "host key is SHA256:" in refused.said
    server.close()


def test_sftp_opens_with_the_agencys_own_key_and_says_when_it_is_not_let_in(allowed: Path, tmp_path: Path) -> None:
    from dateline.delivery.ways.servers import key_path, public_key

    server = Sftp(tmp_path)
    subscribe("Quay", f"sftp://{USER}@127.0.0.1:{server.port}/in")
    wire_of_three()
    refused = Dropper().drop("Quay")[0]
    assert refused.permanent and "server refused" in refused.said
    server.public = public_key()
    assert server.public.startswith("ssh-ed25519 ") and key_path().stat().st_mode & 0o077 == 0
    assert [outcome.said for outcome in Dropper().drop("Quay")] == [""] * 5
    assert public_key() == server.public
    server.close()


def test_a_link_in_a_drops_folder_leads_nowhere_else(home: Path, tmp_path: Path) -> None:
    subscribe("Quay", "file:quay")
    wire_of_three()
    (home / "drops").mkdir()
    (home / "drops" / "quay").symlink_to(tmp_path)
    outcome = Dropper().drop("Quay")[0]
    assert outcome.permanent and "does not lie in" in outcome.said
    with pytest.raises(BadEndpoint, match="has its files there"):
        from dateline.delivery import subscribing

        subscribing.subscribe("Other", Terms(url="file:quay"))


def test_who_hangs_holds_one_thread_and_nobody_else(home: Path) -> None:
    import threading

    from dateline.delivery.ways.threads import StillHangs, Threads

    let_go = threading.Event()

    async def one_hangs() -> None:
        threads = Threads()
        with pytest.raises(TimeoutError):
            await threads.run(1, lambda: let_go.wait(10), 0.05)
        with pytest.raises(StillHangs):
            await threads.run(1, lambda: True, 1)
        assert await threads.run(2, lambda: "done", 1) == "done"
        let_go.set()
        await asyncio.sleep(0.05)
        assert await threads.run(1, lambda: "again", 1) == "again"
        threads.close()

    asyncio.run(one_hangs())


def test_what_an_attempt_carries_is_not_written_once_it_was_given_up(home: Path, tmp_path: Path) -> None:
    import threading
    from urllib.parse import urlsplit

    written: list[str] = []
    given_up = threading.Event()

    class Slow:
        def pipe_file(self, path: str, data: bytes) -> None:
            written.append(path)
            given_up.set()

        def mv(self, old: str, new: str) -> None:
            written.append(new)

    subscribe("Quay", f"sftp://{USER}@127.0.0.1/in")
    found = lines("Quay")[0]
    drops = Dropper().drops
    drops._open[found.id] = (f"{found.url} {found.options} 127.0.0.1", Slow())
    drops._drop(found, urlsplit(found.url), "127.0.0.1", "1.json", b"{}", given_up)
    assert written == ["/in/.1.json.part"]
    drops._drop(found, urlsplit(found.url), "127.0.0.1", "2.json", b"{}", given_up)
    assert len(written) == 1


def test_ftp_gets_whole_files_over_those_that_are_there(allowed: Path, tmp_path: Path) -> None:
    with ftp(tmp_path) as port:
        subscribe("Quay", f"ftp://{USER}@127.0.0.1:{port}/in/wire", password=PASSWORD)
        wire_of_three()
        assert [outcome.said for outcome in Dropper().drop("Quay")] == [""] * 5
        files = read(tmp_path / "in" / "wire")
        check_files(files)
        assert [outcome.said for outcome in Dropper().drop("Quay")] == [""] * 5
        assert read(tmp_path / "in" / "wire") == files
        subscribe("Wrong", f"ftp://{USER}@127.0.0.1:{port}/in", password="wrong")
        from django.db import transaction

        from dateline.delivery import store

        with transaction.atomic():
            store.set_fields(lines("Wrong")[0].id, since=0)
        refused = Dropper().drop("Wrong")[0]
        assert refused.permanent and "530" in refused.said


def test_s3_gets_objects_and_says_when_it_refuses(allowed: Path) -> None:
    import boto3

    with s3() as port:
        at = f"http://127.0.0.1:{port}"
        client = boto3.client("s3", endpoint_url=at, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1")  # fmt: skip
        client.create_bucket(Bucket="quay")
        subscribe("Quay", "s3://quay/wire/in", key="k", secret="s", endpoint_url=at)
        subscribe("Wrong", "s3://elsewhere/in", key="k", secret="s", endpoint_url=at)
        wire_of_three()
        assert [outcome.said for outcome in Dropper().drop("Quay")] == [""] * 5
        listed = client.list_objects_v2(Bucket="quay", Prefix="wire/in/")["Contents"]
        files = {one["Key"].rpartition("/")[2]: client.get_object(Bucket="quay", Key=one["Key"])["Body"].read() for one in listed}  # fmt: skip
        check_files(files)
        refused = Dropper().drop("Wrong")[0]
        assert refused.said and refused.permanent, refused


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("file:/etc", {}), ("file:", {}), ("file:%2Fetc", {}), ("file:a/%2e%2e/%2e%2e/b", {}), ("file:..", {}), ("file:a/../../b", {}), ("file://host/a", {}),
        ("sftp://files.example.org/in", {}), ("sftp://u:p@files.example.org/in", {}), ("sftp://u@/in", {}),
        ("sftp://u@files.example.org/in/../..", {}), ("sftp://u@files.example.org:99999/in", {}),
        ("ftp://u@files.example.org/in", {"secret": "x"}), ("s3://bucket/in", {}), ("gopher://x/", {}), ("nothing", {}),
        ("s3://bucket/in", {"key": "a", "secret": "b", "endpoint_url": "http://minio.example.org"}),
        ("s3://bucket/in", {"key": "a", "secret": "b", "endpoint_url": "https://u:p@minio.example.org"}),
        ("mailto:", {}), ("mailto:nobody", {}), ("mailto:a@b.example%0aBcc:x@y.example", {}),
        ("https://quay.example/in", {"password": "x"}),
    ],
)  # fmt: skip
def test_addresses_that_nothing_is_pushed_to(home: Path, settings: Any, url: str, options: dict[str, str]) -> None:
    settings.OPTIONS = {**settings.OPTIONS, "SMTP": "smtp://127.0.0.1:25"}
    with pytest.raises(BadEndpoint):
        subscribe("Quay", url, **options)


def test_a_drop_goes_to_no_address_inside_without_leave(home: Path, tmp_path: Path) -> None:
    server = Sftp(tmp_path)
    subscribe("Quay", f"sftp://{USER}@127.0.0.1:{server.port}/in", password=PASSWORD)
    wire_of_three()
    outcome = Dropper().drop("Quay")[0]
    assert "not a public address" in outcome.said and not list(tmp_path.glob("in"))
    server.close()


@pytest.fixture
def mailbox(home: Path, settings: Any) -> Iterator[Mailbox]:
    box = Mailbox()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", box.port, False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.OPTIONS = {**settings.OPTIONS, "SMTP": f"smtp://127.0.0.1:{box.port}"}
    yield box
    box.stop()


def mail(name: str) -> list[Any]:
    from dateline.delivery.ways.mail import Mails
    from dateline.delivery.ways.threads import Threads

    found, its = lines(name)

    async def all_of_them() -> list[Any]:
        mails = Mails(Threads())
        return [await mails.hand_over(found, line, f"key-{line.seq}") for line in its]

    return asyncio.run(all_of_them())


def test_a_mail_says_what_it_is_and_the_mails_of_an_item_hang_together(mailbox: Mailbox) -> None:
    from dateline.delivery import subscribing
    from dateline.delivery.filter import Filter
    from dateline.wire.append import append

    terms = Terms(url="mailto:desk@quay.example,night@quay.example", form="nitf", wanted=Filter(embargoed=True))
    subscribing.subscribe("Quay", terms)
    ahead = datetime.now(UTC) + timedelta(hours=1)
    append(Act.PUBLISH, NewsItem(headline="Budget passed", body="<p>By ten votes.</p>", urgency=1))
    made = append(Act.PUBLISH, NewsItem(headline="Ärger: Härte\u2028", body="<p>Später.</p>", embargoed=ahead))
    append(Act.PUBLISH, NewsItem(headline="Routine", body="<p>Nothing.</p>", embargoed=ahead, urgency=2))
    append(Act.KILL, uri=made.uri, note="It was forged.")
    fold_all()
    assert [outcome.said for outcome in mail("Quay")] == [""] * 4
    assert [one["To"] for one in mailbox.got] == ["desk@quay.example", "night@quay.example"] * 4
    messages = mailbox.got[::2]
    subjects = [message["Subject"] for message in messages]
    assert subjects[0] == "Flash: Budget passed" and subjects[3] == "KILL: do not use: Ärger: Härte"
    assert subjects[1].startswith("KILL: do not use") and subjects[2].startswith("EMBARGOED until")
    assert subjects[2].endswith(", Bulletin: Routine")
    assert messages[1]["References"] == messages[3]["References"] != messages[0]["References"]
    assert len({message["Message-ID"] for message in messages}) == 4
    text = messages[0].get_body().get_content()
    assert "By ten votes." in text and "seq 1 after 0" in text
    attached = next(messages[0].iter_attachments())
    assert attached.get_content_type() == "text/vnd.iptc.nitf" and "By ten votes" in attached.get_content()
    assert "It was forged." in messages[3].get_body().get_content()
    assert "Später" not in messages[1].get_body().get_content()


def test_a_refused_recipient_pauses_and_a_dead_mail_server_does_not(mailbox: Mailbox) -> None:
    subscribe("Quay", "mailto:gone@quay.example")
    subscribe("Full", "mailto:full@quay.example")
    mailbox.codes = {"gone@quay.example": "550 no such mailbox", "full@quay.example": "452 mailbox full"}
    wire_of_three()
    gone, full = mail("Quay")[0], mail("Full")[0]
    assert gone.permanent and "550 no such mailbox" in gone.said
    assert not full.permanent and "452" in full.said
    mailbox.stop()
    dead = mail("Quay")[0]
    assert dead.said and not dead.permanent


def test_one_address_that_is_not_taken_keeps_the_mail_from_being_acknowledged(mailbox: Mailbox) -> None:
    from dateline.delivery.ways.mail import Mails
    from dateline.delivery.ways.threads import Threads

    subscribe("Quay", "mailto:desk@quay.example,grey@quay.example")
    wire_of_three()
    found, its = lines("Quay")
    mailbox.codes = {"grey@quay.example": "451 come again"}

    async def twice() -> list[Any]:
        mails = Mails(Threads())
        first = await mails.hand_over(found, its[0], "key-1")
        mailbox.codes = {}
        return [first, await mails.hand_over(found, its[0], "key-1")]

    first, second = asyncio.run(twice())
    assert "451 come again" in first.said and not first.permanent and second.said == ""
    # Nobody gets it twice.
    assert [one["To"] for one in mailbox.got] == ["desk@quay.example", "grey@quay.example"]


def test_without_its_mail_server_nothing_is_taken_for_sent(mailbox: Mailbox, settings: Any) -> None:
    subscribe("Quay", "mailto:desk@quay.example")
    wire_of_three()
    settings.OPTIONS = {**settings.OPTIONS, "SMTP": ""}
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert "DATELINE_SMTP" in mail("Quay")[0].said


def test_mail_needs_a_mail_server(home: Path) -> None:
    with pytest.raises(BadEndpoint, match="DATELINE_SMTP"):
        subscribe("Quay", "mailto:desk@quay.example")


def test_a_webhook_carries_the_form_that_was_chosen_and_its_digest(home: Path) -> None:
    from dateline.delivery.ways.webhook import body_of
    from dateline.wire import store as wire

    subscribe("Quay", "https://quay.example/wire")
    wire_of_three()
    _, its = lines("Quay")
    first = wire.read_dispatch(1)
    assert first is not None
    for form in FORMS.values():
        data = json.loads(body_of(its[0], form))["data"]
        assert (data["seq"], data["act"]) == (1, "publish")
        if form.name == "ninjs":
            assert data["item"]["uri"] == first.uri and "digest" not in data
            continue
        assert data["form"].startswith(form.media_type)
        assert data["digest"] == hashlib.sha256(first.item).hexdigest()
        assert isinstance(data["item"], dict if form.is_json else str)


def test_a_form_or_an_option_is_for_what_is_pushed(home: Path) -> None:
    from dateline.delivery import subscribing

    for terms in (Terms(form="nitf"), Terms(options={"password": "x"}), Terms(form="word", url="file:quay")):
        with pytest.raises(DeliveryError):
            subscribing.subscribe("Quay", terms)
