"""Time zones as newsfeeds print them beside a time: `GMT`, `EDT`, `+03:00`, `UTC+3`."""

import re
from datetime import datetime, timedelta, timezone, tzinfo

# Abbreviations that name one offset wherever they are printed, in minutes east of Greenwich. CST, IST and BST
# are each used for several and are left out; they are known only where they are the agency's own.
_ABBREVIATIONS = {
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "est": -300,
    "edt": -240,
    "cdt": -300,
    "mst": -420,
    "mdt": -360,
    "pst": -480,
    "pdt": -420,
    "msk": 180,
    "cet": 60,
    "cest": 120,
    "jst": 540,
    "kst": 540,
    "hkt": 480,
    "sgt": 480,
    "wib": 420,
    "wita": 480,
    "pkt": 300,
    "trt": 180,
    "eat": 180,
    "sast": 120,
    "eet": 120,
    "eest": 180,
    "brt": -180,
    "aest": 600,
    "aedt": 660,
    "nzst": 720,
    "nzdt": 780,
}
_NAMES = "|".join(sorted(_ABBREVIATIONS.keys() - {"z"}, key=lambda name: (-len(name), name)))
ZONE = rf"(?:{_NAMES}|cst|bst|ist)(?:\s*[+-]\s*\d{{1,2}}(?::?\d\d)?)?"
OFFSET = r"[+-]\d\d:?\d\d"


def in_zone(moment: datetime, printed: str, own: tzinfo) -> datetime | None:
    """Return a printed local moment in the time zone printed beside it, seen from the agency's `own`.

    None: the abbreviation is used for several zones, and is not the agency's own at that moment.
    """
    at_home = moment.replace(tzinfo=own)
    offset = re.search(r"([+-])\s*(\d{1,2}):?(\d\d)?$", printed)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        minutes = -minutes if offset[1] == "-" else minutes
    elif not printed or (at_home.tzname() or "").casefold() == printed.casefold():
        return at_home
    elif printed.casefold() in _ABBREVIATIONS:
        minutes = _ABBREVIATIONS[printed.casefold()]
    else:
        return None
    if abs(minutes) > 14 * 60:
        return None
    return moment.replace(tzinfo=timezone(timedelta(minutes=minutes))).astimezone(own)
