"""The second factor in a real browser: a security key, a passkey, an app's code, a recovery code."""

import re
from typing import Any

import pytest
from conftest import PASSWORD, Wire, note_faults
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def key(chromium: Any) -> Any:
    """A page whose machine has a key that can hold passkeys, and whose owner touches it at once."""
    context = chromium.new_context()
    page = context.new_page()
    link = context.new_cdp_session(page)
    link.send("WebAuthn.enable")
    link.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    faults: list[str] = []
    note_faults(page, faults)
    yield page
    context.close()
    assert not faults


def sign_in(page: Any, home: str) -> None:
    page.goto(f"{home}/desk/")
    page.fill("[name=login]", "ines")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name=re.compile("^Sign in$", re.I)).click()
    page.wait_for_load_state()


def sign_out(page: Any, home: str) -> None:
    page.goto(f"{home}/desk/account/logout/")
    page.locator("form[action*=logout] button, main form button").first.click()
    page.wait_for_load_state()


def test_a_passkey_signs_in_alone_and_a_recovery_code_in_its_place(desk: Wire, key: Any) -> None:
    # The standard knows no passkeys for bare addresses.
    home = desk.url.replace("127.0.0.1", "localhost")
    sign_in(key, home)
    key.goto(f"{home}/desk/account/2fa/webauthn/add/")
    key.fill("[name=password]", PASSWORD)
    key.get_by_role("button", name="Confirm").click()
    key.fill("[name=name]", "Desk laptop")
    key.check("[name=passwordless]")
    key.get_by_role("button", name="Add").click()
    expect(key.locator(".account-messages")).to_contain_text("Security key added")
    code = key.locator("#recovery_codes").input_value().split()[0]
    sign_out(key, home)
    key.goto(f"{home}/desk/")
    expect(key.locator("main")).not_to_contain_text("sign up")
    key.get_by_role("button", name="Sign in with a passkey").click()
    expect(key.locator("h1")).to_have_text("Queue")
    sign_out(key, home)
    # The password alone opens nothing; a recovery code opens it once.
    for uses in (1, 2):
        sign_in(key, home)
        key.goto(f"{home}/desk/")
        assert "/2fa/authenticate/" in key.url
        key.fill("[name=code]", code)
        key.locator("[name=code]").press("Enter")
        if uses == 1:
            expect(key.locator("h1")).to_have_text("Queue")
            sign_out(key, home)
    expect(key.locator(".errorlist")).to_contain_text("Incorrect code")
    key.goto(f"{home}/desk/")
    assert "/2fa/authenticate/" in key.url
