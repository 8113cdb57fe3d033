"""The operator's settings: typed, read from the environment or a dateline.toml, checked at the start.

One table, OPTIONS, is all there is; docs/operating.md lists it, and a test holds the two together. A
bad value stops the start with a sentence that says what to write instead.
"""

import ipaddress
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel import Locale, UnknownLocaleError

from dateline.news.agency import Agency
from dateline.news.dateline import STYLES
from dateline.news.errors import BadItem
from dateline.news.formats.svg import check_mark

# One answers a hundred thousand requests a second; a second one shares the work of telling live readers.
_DEFAULT_WORKERS = 2
# More than the cores of any machine that one agency's readers need.
_MOST_WORKERS = 64


# A browser fetches it before it shows a page; marks that are drawn by hand have a few hundred bytes.
_MOST_ICON_BYTES = 64 * 1024


class BadOption(Exception):
    """A setting cannot be used; the message says what to write instead."""


class Option(msgspec.Struct, frozen=True):
    """One setting: its name without DATELINE_, its default, how its text is read, what it is for."""

    name: str
    default: str
    read: Callable[[str], Any]
    help: str


def _text(value: str) -> str:
    return value.strip()


def _path(value: str) -> Path:
    return Path(value).expanduser().absolute()


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as error:
        raise ValueError("a time zone of the IANA database, such as Europe/Paris or UTC") from error
    return value


def _language(value: str) -> str:
    try:
        Locale.parse(value.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError("a language tag (BCP 47), such as en, de or pt-BR") from error
    return value


def _url(value: str) -> str:
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError("an address without a path, such as https://news.example.org")
    return f"{parts.scheme}://{parts.netloc}"


def _smtp(value: str) -> str:
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("an address such as smtp://user:password@mail.example.org:587")
    return value


def _networks(value: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"networks such as 10.1.0.0/16 with commas between them ({error})") from error


def _domain(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", value):
        raise ValueError("a domain that the agency holds, such as example.org")
    return value


def _icon(value: str) -> bytes:
    """Return the bytes of an SVG file; none for no name."""
    if not value.strip():
        return b""
    path = _path(value)
    try:
        data = path.read_bytes()
        check_mark(data)
    except (OSError, BadItem) as error:
        raise ValueError(f"the path of an SVG file without scripts, and {path} is none ({error})") from error
    if len(data) > _MOST_ICON_BYTES:
        raise ValueError(f"the path of an SVG file of {_MOST_ICON_BYTES // 1024} kB at most")
    return data


def _style(value: str) -> str:
    if value not in STYLES:
        raise ValueError(f"one of {', '.join(STYLES)}")
    return value


def _port(value: str) -> int:
    if not value.isdigit() or not 1 <= int(value) <= 65_535:
        raise ValueError("a port, from 1 to 65535")
    return int(value)


def _workers(value: str) -> int:
    if not value:
        return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, _DEFAULT_WORKERS)
    if not value.isdigit() or int(value) > _MOST_WORKERS:
        raise ValueError(f"a whole number from 0 to {_MOST_WORKERS}; 0: one process does everything")
    return int(value)


def _count(value: str) -> int:
    if not value.isdigit() or not 1 <= int(value) <= 100_000:
        raise ValueError("a whole number from 1 to 100000")
    return int(value)


def _room_mb(value: str) -> int:
    if not value.isdigit() or int(value) > 1_000_000:
        raise ValueError("a whole number from 0 to 1000000; 0: nothing is kept")
    return int(value)


OPTIONS = (
    Option("HOME", "./var", _path, "The folder that holds all state: database, keys, rendered pages, quarantine."),
    Option("PORT", "8000", _port, "The port that `dateline run` listens on."),
    Option("URL", "", _url, "The newsfeed's public address, in links and feeds. Default: http://127.0.0.1 and PORT."),
    Option("HOSTS", "", _names, "Further host names that the server answers to, with commas between them."),
    Option("AGENCY", "Tidewater News Agency", _text, "The agency's name, as readers see it."),
    Option("ICON", "", _icon, "An SVG file: the agency's mark, in browsers' tabs and at the desk. Empty: Dateline's."),
    Option("CREDIT", "Tidewater", _text, "The credit in the agency's own datelines."),
    Option(
        "DOMAIN",
        "tidewater.example",
        _domain,
        "A domain that the agency holds; it names its items and its log.",
    ),
    Option("LANGUAGE", "en", _language, "The agency's language; dates are printed in it."),
    Option("TIMEZONE", "UTC", _zone, "The agency's time zone; every printed time is in it."),
    Option("STYLE", "slashes", _style, f"How datelines are printed: {', '.join(STYLES)}."),
    Option("DATE_FORMAT", "MMMM d, HH:mm", _text, "How a newsfeed element prints its date (a CLDR date pattern)."),
    Option("DAY_FORMAT", "MMMM d", _text, "The same where only the day is known."),
    Option("LONG_DAY_FORMAT", "EEEE, MMMM d, y", _text, "How a day is printed in full."),
    Option("SECTIONS", "", _names, "The sections in the order of the menu; others follow by name."),
    Option("FRONT", "50", _count, "How many elements the front page, a section and a feed carry."),
    Option(
        "MEMORY_MB",
        "256",
        _count,
        "How much memory the rendered pages may take; the rest is read from files.",
    ),
    Option(
        "REPLAY_MB", "1024", _room_mb, "How much of the disk subscribers' replays may take; 0: nothing is kept ready."
    ),
    Option("WORKERS", "", _workers, "Processes that answer readers, beside the one that does all else; 0: none."),
    Option("SMTP", "", _smtp, "Where mail goes: smtp://user:password@host:port, or smtps://. Empty: no mail."),
    Option(
        "WEBHOOK_NETWORKS",
        "",
        _networks,
        "Networks that webhooks and file drops may go to besides public addresses: 10.1.0.0/16, with commas between.",
    ),
    Option("MAIL_FROM", "", _text, "The sender of the desk's mail. Default: desk@ and DOMAIN."),
)


def read_options(environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Return every setting's value by its name. Raises BadOption with a sentence for a bad one.

    The environment wins over `dateline.toml` in `folder`.
    """
    path = folder / "dateline.toml"
    written: dict[str, Any] = {}
    if path.exists():
        try:
            written = tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadOption(f"dateline.toml is not TOML: {error}.") from error
    known = {option.name.lower() for option in OPTIONS}
    for name in written:
        if name not in known:
            raise BadOption(
                f"dateline.toml has a setting that is not known: {name}. Known are {', '.join(sorted(known))}."
            )
    for name in environment:
        if name.startswith("DATELINE_") and name[9:].lower() not in known:
            raise BadOption(f"{name} is not a setting. Known are {', '.join('DATELINE_' + o.name for o in OPTIONS)}.")
    values = {option.name: _value(option, environment, written) for option in OPTIONS}
    values["URL"] = values["URL"] or f"http://127.0.0.1:{values['PORT']}"
    return values


def _value(option: Option, environment: Mapping[str, str], written: Mapping[str, Any]) -> Any:
    value = environment.get(f"DATELINE_{option.name}", written.get(option.name.lower(), option.default))
    where = (
        f"DATELINE_{option.name}"
        if f"DATELINE_{option.name}" in environment
        else f"dateline.toml: {option.name.lower()}"
    )
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if not text.strip() and option.default:
        raise BadOption(f"{where} is empty. {option.help}")
    try:
        return option.read(text)
    except ValueError as error:
        raise BadOption(f"{where} is {text!r}; it must be {error}.") from error


def agency_of(options: Mapping[str, Any]) -> Agency:
    """Return the agency that the settings describe."""
    return Agency(
        name=options["AGENCY"],
        credit=options["CREDIT"],
        domain=options["DOMAIN"],
        url=options["URL"],
        language=options["LANGUAGE"],
        timezone=options["TIMEZONE"],
        dateline_style=options["STYLE"],
        date_format=options["DATE_FORMAT"],
        day_format=options["DAY_FORMAT"],
        long_day_format=options["LONG_DAY_FORMAT"],
        sections=options["SECTIONS"],
    )


def hosts_of(options: Mapping[str, Any]) -> list[str]:
    """Return the host names that the server answers to: its own address, the loopback, and HOSTS."""
    own = urlsplit(options["URL"]).hostname
    return sorted({"localhost", "127.0.0.1", "[::1]", *options["HOSTS"], *([own] if own else [])})


_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# In DATELINE_HOME/keys, beside the wire's own; whoever reads it can forge a session.
SECRET_FILE = "desk.secret"  # noqa: S105


def is_loopback(address: str) -> bool:
    """Whether an address, with or without its scheme and port, is on this machine alone."""
    host = urlsplit(address if "://" in address else f"//{address}").hostname if address != "::1" else address
    return host in _LOOPBACK


def secret_key(path: Path) -> str:
    """Return the key that signs the desk's sessions: the kept one, or a fresh one for this process."""
    try:
        return path.read_text().strip() or secrets.token_urlsafe(50)
    except OSError:
        return secrets.token_urlsafe(50)


def mail_of(options: Mapping[str, Any]) -> tuple[str, int, str, str, bool, bool]:
    """Return host, port, user, password, TLS from the start, TLS by STARTTLS of the mail server."""
    parts = urlsplit(options["SMTP"])
    implicit = parts.scheme == "smtps"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    # A password is never sent in the clear.
    return (
        parts.hostname or "",
        parts.port or (465 if implicit else 587),
        user,
        password,
        implicit,
        bool(user) and not implicit,
    )
