"""The desk's own tables: accounts, pictures, stories, and the records of what was done with them."""

from dateline.desk.models.picture import Picture, PictureChange, Rendition
from dateline.desk.models.records import (
    Approval,
    Author,
    Freeze,
    Note,
    Record,
    Release,
    Request,
    SavedFilter,
    Schedule,
    SpikedIntake,
)
from dateline.desk.models.review import DeskReview
from dateline.desk.models.story import Story, new_uri
from dateline.desk.models.user import User

__all__ = [
    "Approval", "Author", "DeskReview", "Freeze", "Note", "Picture", "PictureChange", "Record", "Release", "Rendition",
    "Request", "SavedFilter", "Schedule", "SpikedIntake", "Story", "User", "new_uri",
]  # fmt: skip
