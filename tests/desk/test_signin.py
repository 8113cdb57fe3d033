"""Who gets to the desk: passwords, second factors, sessions, new places."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

PASSWORD = "harbour-light-77"


def sign_in(name: str, password: str = PASSWORD, **headers: str) -> tuple[Client, Any]:
    client = Client(headers={"host": "localhost", **headers}, REMOTE_ADDR=headers.pop("addr", "127.0.0.1"))
    return client, client.post("/desk/account/login/", {"login": name, "password": password})


@pytest.fixture
def served(settings: Any) -> None:
    """The desk is served to others."""
    settings.OPTIONS = {**settings.OPTIONS, "URL": "https://news.example.org", "HOSTS": ()}
    settings.ALLOWED_HOSTS = ["localhost", "news.example.org"]


def secret_of(user: Any) -> str:
    from allauth.mfa.totp.internal import auth

    secret = auth.generate_totp_secret()
    auth.TOTP.activate(user, secret)
    return str(secret)


def code_of(secret: str) -> str:
    from allauth.mfa.totp.internal import auth

    return str(auth.format_hotp_value(auth.hotp_value(secret, next(iter(auth.yield_hotp_counters_from_time())))))


def test_on_this_machine_alone_a_first_try_needs_no_second_factor_and_a_banner_says_so(desk: Any) -> None:
    client, response = sign_in("ines")
    assert response["Location"] == "/desk/"
    page = client.get("/desk/").content.decode()
    assert "no second factor is asked for" in page


def test_served_to_others_who_can_release_sets_up_a_second_factor_first(desk: Any, served: None) -> None:
    client, _ = sign_in("jonas")
    for address in ("/desk/", "/desk/stories/", "/desk/release/1/", "/desk/flash/", "/desk/live"):
        response = client.get(address)
        assert response.status_code == 302 and response["Location"].startswith("/desk/account/2fa/"), address
    # A reporter lets nothing out.
    client, _ = sign_in("maren")
    assert client.get("/desk/").status_code == 200


def test_a_forged_host_or_a_proxy_does_not_make_it_this_machine(desk: Any, settings: Any) -> None:
    client, _ = sign_in("jonas")
    assert client.get("/desk/").status_code == 200
    assert client.get("/desk/", headers={"x-forwarded-for": "203.0.113.9"}).status_code == 302
    settings.LISTEN_HOST = "0.0.0.0"
    assert client.get("/desk/", headers={"host": "127.0.0.1"}).status_code == 302


def test_with_a_second_factor_the_password_alone_opens_nothing(desk: Any, served: None) -> None:
    secret = secret_of(desk.chief)
    client, response = sign_in("ines")
    assert response["Location"].startswith("/desk/account/2fa/authenticate/")
    assert client.get("/desk/").status_code == 302
    assert client.post("/desk/account/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.get("/desk/").status_code == 302
    client.post("/desk/account/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get("/desk/").status_code == 200


def test_a_session_from_before_the_second_factor_has_to_confirm_it(desk: Any, served: None) -> None:
    client, _ = sign_in("ines")
    secret = secret_of(desk.chief)
    assert client.get("/desk/")["Location"].startswith("/desk/account/2fa/reauthenticate/")
    client.post("/desk/account/2fa/reauthenticate/", {"code": code_of(secret)})
    assert client.get("/desk/").status_code == 200


def test_a_printed_password_is_changed_before_anything_else(desk: Any) -> None:
    from dateline.desk.first_chief import give_password

    given = give_password("ines")
    client, _ = sign_in("ines", given)
    assert client.get("/desk/stories/")["Location"].startswith("/desk/account/password/change/")

    def change_to(password: str) -> str:
        fields = {"oldpassword": given, "password1": password, "password2": password}
        return client.post("/desk/account/password/change/", fields).content.decode()

    assert "the password that you have now" in change_to(given)  # it was printed: others may have read it
    assert client.get("/desk/stories/")["Location"].startswith("/desk/account/password/change/")
    change_to("another-light-78")
    assert client.get("/desk/stories/").status_code == 200
    assert sign_in("ines", given)[1].status_code == 200  # refused: the form again


def test_the_desk_is_found_without_its_slash(desk: Any) -> None:
    client, _ = sign_in("ines")
    assert client.get("/desk")["Location"] == "/desk/"


def test_guessing_is_slowed_and_recorded(desk: Any) -> None:
    from django.core.cache import cache

    from dateline.desk.models import Record

    cache.clear()
    for _ in range(8):
        sign_in("ines", "wrong-wrong-wrong")
    _, response = sign_in("ines")
    assert response.status_code in (200, 429), "the right password is not let in among guesses"
    assert Record.objects.filter(what="failed sign-in", user=desk.chief).exists()
    cache.clear()


def test_a_sign_in_from_a_new_place_is_told_and_mailed(desk: Any) -> None:
    desk.chief.email = "ines@tidewater.example"
    desk.chief.save()
    sign_in("ines", **{"user-agent": "Firefox on her laptop"})
    assert not mail.outbox
    sign_in("ines", **{"user-agent": "Firefox on her laptop"})
    assert not mail.outbox
    client, _ = sign_in("ines", **{"user-agent": "curl somewhere"})
    assert len(mail.outbox) == 1 and "new place" in mail.outbox[0].subject
    assert "from a place that was not seen before" in client.get("/desk/").content.decode()


def test_sessions_are_listed_and_ended(desk: Any) -> None:
    here, _ = sign_in("ines")
    there, _ = sign_in("ines", **{"user-agent": "Another browser"})
    here.get("/desk/")
    there.get("/desk/")
    page = here.get("/desk/account/sessions/").content.decode()
    assert "Another browser" in page
    here.post("/desk/account/sessions/")
    assert there.get("/desk/").status_code == 302
    assert here.get("/desk/").status_code == 200


def test_nobody_signs_up_and_wagtails_own_sign_in_is_closed(desk: Any) -> None:
    client = Client(headers={"host": "localhost"})
    client.post("/desk/account/signup/", {"username": "mallory", "password1": PASSWORD, "password2": PASSWORD})
    from dateline.desk.models import User

    assert not User.objects.filter(username="mallory").exists()
    assert client.get("/desk/login/")["Location"] == "/desk/account/login/"
    for address in ("/desk/password_reset/", "/admin/", "/accounts/login/"):
        assert client.get(address).status_code in (302, 404)


def test_the_public_side_sets_no_cookie_and_the_desk_is_not_indexed(desk: Any) -> None:
    client = Client(headers={"host": "localhost"})
    assert not client.get("/nothing-here/").cookies
    page = client.get("/desk/account/login/")
    assert (
        page["X-Robots-Tag"] == "noindex"
        and page["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    )
    assert "script-src 'self';" in page["Content-Security-Policy"]
