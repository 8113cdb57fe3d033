"""The one step of the desk's workflow: an editor looks, sends back, or releases."""

from typing import Any

from wagtail.models import AbstractGroupApprovalTask


class DeskReview(AbstractGroupApprovalTask):
    """Waits for an editor or a chief.

    It offers no "approve and publish": an editor releases from the release screen, where the checks are.
    """

    def get_actions(self, obj: Any, user: Any) -> list[tuple[str, str, bool]]:
        """Return what an editor may do here besides releasing: send it back, with a word why."""
        return [("reject", "Send back", True)] if self._user_in_groups(user) else []

    @classmethod
    def get_description(cls) -> str:
        """Return what an operator reads about this step."""
        return "Editors and chiefs look at the story; they send it back or release it"

    class Meta:
        verbose_name = "desk review"
        verbose_name_plural = "desk reviews"
