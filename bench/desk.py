"""The desk with 100,000 stories, or a million, beside the same desk with 1,000: what an editor waits for.

Two homes, two processes, the same requests in turn, so that the machine's noise meets both. A request is
Django's whole answer (sign-in, permissions, templates), without the network. `--many 1000000` takes some minutes more;
`--keep FOLDER` keeps both desks for the next time. What is waited for with many stories is compared by processor time,
too, which other work on the machine changes less.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from bench.machine import folder_for, median, print_table, spread

FEW, MANY = 1_000, 100_000
ROUNDS = 12

# Fills an empty home with the number of stories that it is told. A thousand are made as the desk makes them; the
# others are copies that SQLite makes, with uris, numbers and versions of their own, and by its triggers' leave.
FILL = """
import sys
import django
django.setup()
from datetime import UTC, datetime
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, transaction
from wagtail.models import Revision
from dateline.desk.models import Story, User
from dateline.desk.roles import Role
from dateline.news.codes import mint_uri
from dateline.wire.keys import make_keys

count, few, waiting = int(sys.argv[1]), int(sys.argv[2]), 300
call_command("migrate", verbosity=0)
make_keys(settings.DATELINE_HOME / "keys", settings.AGENCY.origin)
user = User.objects.create_user("chief", password="x")
user.groups.set(Group.objects.filter(name=Role.CHIEF))
words = "harbour ferry council budget storm bridge winter school market island captain mayor".split()
now = datetime.now(UTC)
mint = lambda: mint_uri("tidewater.example", now)
rows = [Story(uri=mint(), headline=f"{words[n % 12].capitalize()} {words[n // 12 % 12]} {n}",
              section="World", place="PORT ELLIS", urgency=1 + n % 9,
              spiked_at=None if n < waiting else now,
              body=[("text", f"<p>The {words[n % 12]} and the {words[n // 7 % 12]} number {n}.</p>")])
        for n in range(few)]
Story.objects.bulk_create(rows, batch_size=500)
kind, base = Story.get_content_type(), Story.get_base_content_type()
Revision.objects.bulk_create([Revision(content_type=kind, base_content_type=base, object_id=str(s.pk), user=user,
    created_at=now, content=s.serializable_data(), object_str=str(s)) for s in rows], batch_size=500)

def copy(table, changed, offset):
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_info({table})")
        names = [row[1] for row in cursor.fetchall() if row[1] != "id"]
        values = ", ".join(changed.get(name, name) for name in names)
        query = f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} WHERE id <= {few} ORDER BY id"
        cursor.execute(query.replace(":offset", str(offset)))

connection.ensure_connection()
connection.connection.create_function("mint", 0, mint)
for offset in range(few, count, few):
    with transaction.atomic():
        copy("desk_story", {"uri": "mint()", "headline": "rtrim(headline, '0123456789') || (id - 1 + :offset)",
                            "spiked_at": "coalesce(spiked_at, changed_at)"}, offset)
        key = "CAST(object_id + :offset AS TEXT)"
        copy("wagtailcore_revision", {"object_id": key, "content": f"json_set(content, '$.pk', {key})"}, offset)
with connection.cursor() as cursor:
    cursor.execute("UPDATE desk_story SET latest_revision_id = (SELECT id FROM wagtailcore_revision r "
                   "WHERE r.base_content_type_id = %s AND r.object_id = CAST(desk_story.id AS TEXT))", [base.pk])
    cursor.execute("INSERT INTO desk_story_fts (rowid, headline, slugline, words) "
                   "SELECT id, headline, '', body FROM desk_story")
    # What was asked for and timed in all the years.
    cursor.execute("INSERT INTO desk_request (story_id, act, note, digest, after_seq, user_id, at) "
                   "SELECT id, 'publish', '', '', 0, %s, '2025-01-01' FROM desk_story WHERE id %% 10 = 0", [user.pk])
    cursor.execute("INSERT INTO desk_schedule (story_id, revision_id, act, note, digest, user_id, due, after_seq, at, "
                   "outcome) SELECT id, latest_revision_id, 'publish', '', '', %s, '2025-01-01', 0, '2025-01-01', "
                   "'released' FROM desk_story WHERE id %% 10 = 5", [user.pk])
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
"""

# Answers one line (what to do) with one line (ms, and of processor time).
WORKER = """
import sys, time
import django
django.setup()
from django.test import Client
from dateline.desk.models import Story, User
from dateline.desk.queue_rows import WAITS
from dateline.desk.release_story import release_story
from dateline.news.acts import Act

user = User.objects.get(username="chief")
client = Client(headers={"host": "localhost"})
client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
waiting = Story.objects.extra(where=[WAITS]).order_by("pk")
routine = list(waiting.filter(urgency__gt=3).values_list("pk", flat=True))
first = waiting.filter(urgency=1).first().pk
paths = {"queue": "/desk/", "queue's rows": "/desk/queue/", "list of stories": "/desk/stories/",
         "search, a word": "/desk/stories/?q=ferry", "search, a word and a letter": "/desk/stories/?q=ferry+s",
         "release screen": f"/desk/release/{first}/"}
print("ready", flush=True)
for line in sys.stdin:
    what = line.strip()
    begun, cpu = time.perf_counter(), time.process_time()
    if what == "release":
        release_story(Story.objects.get(pk=routine.pop(0)), Act.PUBLISH, user)
    elif what == "save":
        text = Story.objects.get(pk=first).get_latest_revision_as_object()
        text.headline += "."
        text.save_revision(user=user)
    else:
        answer = client.get(paths[what])
        assert answer.status_code == 200, (what, answer.status_code)
        answer.content
    print([(time.perf_counter() - begun) * 1000, (time.process_time() - cpu) * 1000], flush=True)
"""
WHAT = (
    "queue", "queue's rows", "list of stories", "search, a word", "search, a word and a letter", "release screen",
    "save", "release",
)  # fmt: skip


class Worker:
    """One desk in a process of its own."""

    def __init__(self, home: Path, count: int) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("DATELINE_")}
        env |= {"DATELINE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        if not (home / "filled").exists():
            home.mkdir(parents=True)
            subprocess.run([sys.executable, "-c", FILL, str(count), str(FEW)], env=env, check=True)
            (home / "filled").touch()
        command = [sys.executable, "-c", WORKER]
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit("A desk of the measurement ended; its error stands above.")
        return line

    def ask(self, what: str) -> tuple[float, float]:
        """Let it do something; return how many milliseconds that took, and how many of processor time."""
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        wall, cpu = json.loads(self.read())
        return wall, cpu

    def end(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def measure(desks: dict[int, Worker]) -> dict[str, dict[int, list[tuple[float, float]]]]:
    """Return the milliseconds of each request by the desk's size."""
    found: dict[str, dict[int, list[tuple[float, float]]]] = {what: {count: [] for count in desks} for what in WHAT}
    for turn in range(ROUNDS + 1):
        for what in WHAT:
            for count, desk in desks.items():
                took = desk.ask(what)
                if turn:  # the first fills caches
                    found[what][count].append(took)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk")
    parser.add_argument("--many", type=int, default=MANY, help="how many stories the large desk has")
    parser.add_argument("--keep", type=Path, help="a folder that keeps the desks for the next time")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(folder_for(given.keep))
        desks = {count: Worker(home / str(count), count) for count in (FEW, given.many)}
        for desk in desks.values():
            stack.callback(desk.end)
            desk.read()
        found = measure(desks)
    rows = []
    for what, times in found.items():
        walls = {count: [wall for wall, _ in times[count]] for count in desks}
        cpus = {count: median([cpu for _, cpu in times[count]]) for count in desks}
        rows.append(
            (
                what, *(spread(walls[count]) for count in desks),
                f"{median(walls[given.many]) / median(walls[FEW]):.2f}", f"{cpus[given.many] / cpus[FEW]:.2f}",
            )
        )  # fmt: skip
    print_table(
        "The desk, milliseconds (median / p95)",
        ("", *(f"{count:,} stories" for count in desks), "ratio", "ratio of processor time"), rows,
        f"{ROUNDS} rounds, the two desks in turn; 300 stories wait in each, the others are spiked. The target is 1.20.",
    )  # fmt: skip


if __name__ == "__main__":
    main()
