"""A stream of publishes and other acts; writes down each dispatch that append acknowledged."""

import json
import random
import sys
import time

import django

django.setup()

from dateline.news.acts import Act  # noqa: E402
from dateline.news.errors import NewsError  # noqa: E402
from dateline.news.item import NewsItem  # noqa: E402
from dateline.wire.append import append  # noqa: E402

chance = random.Random()
uris: list[str] = []
ACTS = [Act.PUBLISH] * 6 + [Act.UPDATE, Act.CORRECT, Act.REFILE, Act.HOLD, Act.RELEASE, Act.KILL, Act.ADVISORY]
with open(sys.argv[1], "a", buffering=1) as acknowledged:
    while True:
        act = chance.choice(ACTS)
        uri = chance.choice(uris) if uris and act not in (Act.PUBLISH, Act.ADVISORY) else ""
        item = NewsItem(
            headline=f"Story {chance.randint(1, 10**6)}", body="<p>Text.</p>", section=chance.choice(["World", "Sport"])
        )
        try:
            dispatch = append(act, item, uri=uri, note="why")
        except (NewsError, LookupError):
            continue
        except Exception as error:
            if type(error).__name__ != "UnknownItem":
                raise
            continue
        acknowledged.write(json.dumps({"seq": dispatch.seq, "uri": dispatch.uri, "act": dispatch.act}) + "\n")
        if act is not Act.ADVISORY:
            uris.append(dispatch.uri)
        time.sleep(chance.uniform(0, 0.05))
