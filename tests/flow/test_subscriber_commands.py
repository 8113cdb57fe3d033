"""What is done to subscriptions by command stands in the desk's history, as what is done at the desk does."""

import getpass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner


def run(*args: str, code: int = 0) -> str:
    from dateline.cli import cli

    done = CliRunner().invoke(cli, ["subscriber", *args])
    assert done.exit_code == code, done.output
    return done.output


def history() -> list[tuple[str, str, str]]:
    """What happened, oldest first: what, to whom, and what was said of it."""
    from dateline.desk.happenings import happenings

    return [(row.what, row.about, row.said) for row in reversed(list(happenings()))]


@pytest.fixture
def quay(home: Path, settings: Any) -> str:
    settings.OPTIONS = {**settings.OPTIONS, "WEBHOOK_NETWORKS": ()}
    (home / "password").write_text("harbour-light-77\n")
    return "Daily Quay"


def test_every_change_by_command_is_kept_with_who_ran_it_and_without_a_secret(quay: str, home: Path) -> None:
    by = f"by command, as {getpass.getuser()}"
    password = f"password=@{home / 'password'}"
    made = run("add", quay, "--push", "https://quay.example/wire/path-token", "--section", "World")
    run("change", quay, "--urgency", "3")
    run("change", quay, "--push", "sftp://wire@files.quay.example/in", "--option", password)
    run("change", quay, "--push", "https://quay.example/wire/path-token")
    token = run("token", quay, "--overlap", "24")
    run("revoke", quay)
    secret = run("secret", quay)
    run("pause", quay, "--why", "They move house.")
    run("resume", quay)
    run("resend", quay, "--from", "1", "--to", "2")
    found = history()
    assert {about for _, about, _ in found} == {quay} and all(said.startswith(by) for *_, said in found)
    assert [(what, said.removeprefix(by).removeprefix("; ")) for what, _, said in found] == [
        ("made a subscription", "sections: world; way: Webhook; goes to another address at quay.example"),
        ("changed a subscription", "urgency: 3"),
        ("changed a subscription", "way: SFTP; goes to another address at files.quay.example; password: a new one"),
        ("changed a subscription", "way: Webhook; goes to another address at quay.example"),
        ("gave a token", "the ones before it end after 24 h"),
        ("revoked all tokens", ""),
        ("rotated a signing secret", ""),
        ("paused a subscription", "They move house."),
        ("resumed a subscription", ""),
        ("sent again", "dispatches 1 to 2"),
    ]
    kept = str(found)
    for text in (made, token, secret):
        for word in text.split():
            assert not (word.startswith(("dl_", "whsec_")) and word in kept)
    assert "path-token" not in kept and "harbour-light" not in kept


def test_who_became_another_with_sudo_is_named_too(quay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ada")
    run("add", quay)
    assert "(ada with sudo)" in history()[0][2]


def test_what_was_refused_leaves_no_record_and_what_is_not_recorded_is_not_done(
    quay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery import subscribing
    from dateline.desk import managing

    run("add", quay)
    run("add", quay.upper(), code=1)
    assert len(history()) == 1

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("the record cannot be written")

    monkeypatch.setattr(managing, "record", broken)
    run("pause", quay, "--why", "They move house.", code=1)
    assert not subscribing.find(quay).paused


def test_tokens_that_ended_are_counted_in_words(quay: str) -> None:
    run("add", quay)
    assert run("revoke", quay) == "1 token ended.\n"
    assert run("revoke", quay) == "0 tokens ended.\n"
