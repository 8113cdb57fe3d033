"""The desk with 100,000 stories beside the same desk with 1,000: what an editor waits for.

Two homes, two processes, the same requests in turn, so that the machine's noise meets both. A request is
Django's whole answer (sign-in, permissions, templates), without the network.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.machine import median, percentile, print_table

FEW, MANY = 1_000, 100_000
ROUNDS = 12

# Runs in a process of its own: makes its stories, then answers one line (what to do) with one line (ms).
WORKER = """
import json, os, sys, time
import django
django.setup()
from django.core.management import call_command
from django.conf import settings
call_command("migrate", verbosity=0)
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from wagtail.models import Revision
from dateline.desk.models import Story, User
from dateline.desk.release_story import release_story
from dateline.desk.roles import Role
from dateline.news.acts import Act
from dateline.news.codes import mint_uri
from dateline.wire.keys import make_keys
from datetime import UTC, datetime

make_keys(settings.DATELINE_HOME / "keys", settings.AGENCY.origin)
count, waiting = int(sys.argv[1]), 300
user = User.objects.create_user("chief", password="x")
user.groups.set(Group.objects.filter(name=Role.CHIEF))
words = "harbour ferry council budget storm bridge winter school market island captain mayor".split()
now = datetime.now(UTC)
rows = [Story(uri=mint_uri("tidewater.example", now),
              headline=f"{words[n % 12].capitalize()} {words[n // 12 % 12]} {n}",
              section="World", place="PORT ELLIS", urgency=1 + n % 9,
              spiked_at=None if n < waiting else now,
              body=[("text", f"<p>The {words[n % 12]} and the {words[n // 7 % 12]} number {n}.</p>")])
        for n in range(count)]
Story.objects.bulk_create(rows, batch_size=500)
kind, base = Story.get_content_type(), Story.get_base_content_type()
Revision.objects.bulk_create([Revision(content_type=kind, base_content_type=base, object_id=str(s.pk), user=user,
    created_at=now, content=s.serializable_data(), object_str=str(s)) for s in rows], batch_size=500)
with connection.cursor() as cursor:
    cursor.execute("UPDATE desk_story SET latest_revision_id = (SELECT id FROM wagtailcore_revision r "
                   "WHERE r.object_id = CAST(desk_story.id AS TEXT))")
    cursor.execute("INSERT INTO desk_story_fts (rowid, headline, slugline, words) "
                   "SELECT id, headline, '', body FROM desk_story")
    cursor.execute("ANALYZE")
client = Client(headers={"host": "localhost"})
client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
paths = {"queue": "/desk/", "queue's rows": "/desk/queue/", "list of stories": "/desk/stories/",
         "search": "/desk/stories/?q=ferry+4", "release screen": f"/desk/release/{rows[0].pk}/"}
print("ready", flush=True)
number = 0
for line in sys.stdin:
    what = line.strip()
    begun = time.perf_counter()
    if what == "release":
        story = Story.objects.get(pk=rows[9 * number + 8].pk)
        number += 1
        release_story(story, Act.PUBLISH, user)
    elif what == "save":
        text = Story.objects.get(pk=rows[1].pk).get_latest_revision_as_object()
        text.headline += "."
        text.save_revision(user=user)
    else:
        answer = client.get(paths[what])
        assert answer.status_code == 200, (what, answer.status_code)
        answer.content
    print((time.perf_counter() - begun) * 1000, flush=True)
"""
WHAT = ("queue", "queue's rows", "list of stories", "search", "release screen", "save", "release")


class Worker:
    """One desk in a process of its own."""

    def __init__(self, folder: str, count: int) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("DATELINE_")}
        home = Path(folder) / str(count)
        home.mkdir()
        env |= {"DATELINE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        command = [sys.executable, "-c", WORKER, str(count)]
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit("A desk of the measurement ended; its error stands above.")
        return line

    def ask(self, what: str) -> float:
        """Let it do something; return how many milliseconds that took."""
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return float(json.loads(self.read()))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as folder:
        desks = {count: Worker(folder, count) for count in (FEW, MANY)}
        for desk in desks.values():
            desk.read()
        times: dict[str, dict[int, list[float]]] = {what: {FEW: [], MANY: []} for what in WHAT}
        for turn in range(ROUNDS + 1):
            for what in WHAT:
                for count, desk in desks.items():
                    took = desk.ask(what)
                    if turn:  # the first fills caches
                        times[what][count].append(took)
        for desk in desks.values():
            desk.process.terminate()
            desk.process.wait()
    rows = [
        (
            what, *(f"{median(found[count]):.1f} / {percentile(found[count], 0.95):.1f}" for count in (FEW, MANY)),
            f"{median(found[MANY]) / median(found[FEW]):.2f}",
        )
        for what, found in times.items()
    ]  # fmt: skip
    print_table(
        "The desk, milliseconds (median / p95)", ("", f"{FEW:,} stories", f"{MANY:,} stories", "ratio"), rows,
        f"{ROUNDS} rounds, the two desks in turn; 300 stories wait in each, the others are spiked.",
    )  # fmt: skip


if __name__ == "__main__":
    main()
