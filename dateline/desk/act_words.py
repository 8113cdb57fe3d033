"""How the desk speaks of acts: on a button, in a sentence that explains it, after it was done."""

from dateline.news.acts import Act

LABELS = {
    Act.PUBLISH: "Release", Act.ARCHIVE: "Release to the archive", Act.UPDATE: "Update", Act.CORRECT: "Correct",
    Act.REFILE: "Refile", Act.HOLD: "Hold", Act.RELEASE: "Release again", Act.KILL: "Kill",
}  # fmt: skip
MEANS = {
    Act.PUBLISH: "It goes to the wire now, and to every reader.",
    Act.ARCHIVE: "It takes its place by its own date and alerts nobody.",
    Act.UPDATE: "There is more news. Readers see the new text and the note.",
    Act.CORRECT: "Something of substance was wrong. Readers see the correction and its note.",
    Act.REFILE: "A slip is mended openly: a name's spelling, a figure's unit.",
    Act.HOLD: "Readers do not see it while it is checked. It can be released again, corrected or killed.",
    Act.RELEASE: "The hold, or the embargo, is lifted. The text is the one on the wire, not the draft.",
    Act.KILL: "It is withdrawn for good. Nothing brings it back, and its page says so with your advisory.",
}
EMBARGOED_MEANS = (
    "It goes to the wire now, marked. Readers see nothing of it before its embargo ends; then it opens by itself."
)
LIFTS = ("Lift the embargo", "Readers see it now, before its time. The text is the one on the wire, not the draft.")
PAST = {
    Act.PUBLISH: "Released", Act.ARCHIVE: "Archived", Act.UPDATE: "Updated", Act.CORRECT: "Corrected",
    Act.REFILE: "Refiled", Act.HOLD: "Held", Act.RELEASE: "Released again", Act.KILL: "Killed",
}  # fmt: skip
