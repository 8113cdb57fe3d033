"""A desk to look at: three people of the invented agency and some stories in the making."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import Group

from dateline.desk.models import Note, Story, User
from dateline.desk.roles import Role

_PEOPLE = (
    ("maren", "Maren", "Toll", Role.REPORTER),
    ("jonas", "Jonas", "Brandt", Role.EDITOR),
    ("ines", "Ines", "Okafor", Role.CHIEF),
)


def make_sample_desk() -> list[Story]:
    """Make the accounts (nobody can sign in with them until they are given a password) and the stories."""
    people: dict[str, User] = {}
    for username, first, last, role in _PEOPLE:
        user = User.objects.create_user(username, first_name=first, last_name=last)
        user.set_unusable_password()
        user.save()
        user.groups.set(Group.objects.filter(name=role))
        people[username] = user
    maren, jonas = people["maren"], people["jonas"]
    ferry = _story(
        maren,
        headline="Night ferry to Port Ellis to run through the winter",
        slugline="ferry-winter", section="Economy", place="PORT ELLIS", byline="By Maren Toll", sign_off="mt",
        urgency=4, topics="20000343",
        body=[
            ("text", "<p>The night ferry between Port Ellis and Grey Sound will run through the winter for the first "
             "time, the harbour office said on Wednesday.</p><p>Four crossings a week are planned from December. "
             "The trial ends in March, when the island council decides whether to pay for a second year.</p>"),
            ("quote", {
                "text": "Forty people asked us for it in one week. We counted twice.",
                "source": "Ada Lund, harbour master",
            }),
            ("text", "<p>A ticket costs the same as by day.</p>"),
        ],
    )  # fmt: skip
    ferry.get_workflow().start(ferry, maren)
    Note.objects.create(story=ferry, user=jonas, text="Has the council confirmed March? I am calling them.")
    bridge = _story(
        maren,
        headline="Bridge over the Lower Reach closed after inspection",
        slugline="bridge-closed", section="Tidewater", place="LOWER REACH", urgency=2, sign_off="mt/jb",
        body=[("text", "<p>The road bridge over the Lower Reach was closed at noon after inspectors found a crack in a "
               "bearing, the roads office said.</p>")],
    )  # fmt: skip
    bridge.get_workflow().start(bridge, maren)
    budget = _story(
        jonas,
        headline="Island council to present its budget",
        slugline="budget", section="Politics", place="PORT ELLIS", urgency=4,
        embargoed=(datetime.now(UTC) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0),
        body=[("text", "<p>The island council will present a budget of 48 million, three per cent more than last "
               "year.</p>")],
    )  # fmt: skip
    return [ferry, bridge, budget]


def _story(author: User, **fields: object) -> Story:
    story = Story(**fields)
    story.save()
    story.save_revision(user=author, clean=False)
    return story
