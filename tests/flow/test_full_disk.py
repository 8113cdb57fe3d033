"""A disk that fills while the server runs: whoever writes gets a sentence, whoever reads goes on reading."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.flow.conftest import PASSWORD, Wire


@pytest.fixture
def full(tmp_path: Path, wire: Wire) -> Path:
    """The flag: while this file is there, the disk of the wire's home is full."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler (cc) for the full disk, which is not installed here")
    library, flag = tmp_path / "full_disk.so", tmp_path / "full"
    source = Path(__file__).with_name("full_disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    wire.env |= {"LD_PRELOAD": str(library), "HOME_ON_IT": str(wire.home), "FULL_WHILE": str(flag)}
    return flag


@pytest.fixture
def client(full: Path, desk: Wire) -> Iterator[httpx.Client]:
    """A browser of nobody's; the disk has room yet."""
    # Gives up an idle connection before the server does, which could be while it asks for something.
    limits = httpx.Limits(keepalive_expiry=2)
    with httpx.Client(base_url=desk.url, timeout=30, headers={"Accept": "text/html"}, limits=limits) as client:
        # The port is open before the server has started, and a start needs room.
        assert client.get("/").status_code == 200
        yield client


def send(client: httpx.Client, address: str, accept: str = "text/html", **fields: str) -> httpx.Response:
    """Open a page and send its form, with what it holds already."""
    there = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', client.get(address).text))
    return client.post(address, data={**there, **fields}, headers={"Accept": accept, "Referer": address})


def sign_in(client: httpx.Client) -> httpx.Response:
    return send(client, "/desk/account/login/", login="ines", password=PASSWORD)


FLASH = {"headline": "Harbour closed", "section": "World", "place": "PORT ELLIS", "do": "release"}
FREEZE = {"do": "freeze", "reason": "An account was taken over."}
SUBSCRIPTION = {"name": "Harbour Radio", "urgency": "9", "way": "pull"}


def test_a_full_disk_is_a_sentence_at_the_desk_and_nothing_is_taken_for_done(
    client: httpx.Client, full: Path, desk: Wire
) -> None:
    full.touch()
    refused = sign_in(client)
    assert refused.status_code == 503 and "disk is full" in refused.text and refused.headers["Retry-After"]
    full.unlink()
    assert sign_in(client).headers["Location"] == "/desk/"

    full.touch()
    for address in ("/desk/", "/desk/history/", "/desk/subscribers/"):
        assert client.get(address).status_code == 200, f"{address}: one goes on reading"
    for address, fields in (
        ("/desk/flash/", FLASH),
        ("/desk/freeze/", FREEZE),
        ("/desk/subscribers/add/", SUBSCRIPTION),
    ):
        answer = send(client, address, **fields)
        assert answer.status_code == 503 and "was not kept" in answer.text, (address, answer.text)
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    answer = send(client, "/desk/flash/", "application/json", **FLASH)
    assert answer.status_code == 503 and "was not kept" in answer.json()["error_message"]
    log = desk.log.read_text()
    assert f"Nothing can be written to the disk of {desk.home / 'wire.sqlite3'}: database or disk is full." in log
    assert "Traceback" not in log

    full.unlink()
    assert desk.get("/healthz").json()["head"] == 0
    assert "All releases are frozen" in client.get(send(client, "/desk/freeze/", **FREEZE).headers["Location"]).text


def test_a_monitor_hears_of_a_full_disk_and_readers_go_on_reading(full: Path, wire: Wire) -> None:
    wire.publish("Before")
    wire.start()
    found = wire.get("/healthz").json()
    assert found["status"] == "ok" and found["free_bytes"] > 0
    full.touch()
    answer = wire.get("/healthz")
    assert answer.status_code == 503 and "no room" in answer.json()["detail"] and answer.json()["head"] == 1
    assert str(wire.home) not in answer.text, "anyone may ask"
    assert "Before" in wire.get("/").text
    assert "disk is full" in wire.run("publish", "-", text="Headline: Too much\n\nText.\n", code=1)
    assert "make room" in wire.run("status")
    full.unlink()
    assert wire.get("/healthz").status_code == 200
    wire.publish("After")
    wire.wait_for("/", "After")
    assert "Traceback" not in wire.log.read_text()


def test_what_cannot_be_folded_on_a_full_disk_is_folded_when_there_is_room(full: Path, wire: Wire) -> None:
    wire.start()
    assert wire.get("/").status_code == 200
    full.touch()
    elsewhere = {name: value for name, value in wire.env.items() if name != "LD_PRELOAD"}
    wire.env, here = elsewhere, wire.env
    wire.publish("Written by a process that has room")
    wire.env = here
    for _ in range(100):
        if "Nothing can be written" in wire.log.read_text():
            break
        time.sleep(0.05)
    assert str(wire.home / "wire.sqlite3") in wire.log.read_text() and "Traceback" not in wire.log.read_text()
    time.sleep(3.5)
    assert wire.log.read_text().count("could not follow the wire") == 1, "what fails each second is said once"
    full.unlink()
    wire.wait_for("/", "Written by a process that has room")
    for _ in range(200):
        log = wire.log.read_text()
        if log.count("trying again") == log.count(" again, after "):
            break
        time.sleep(0.05)
    assert log.count("trying again") == log.count(" again, after "), "whatever failed is over"
    assert log.count("The public side follows the wire again, after ") == 1, log
