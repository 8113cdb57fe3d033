"""Every projection of the wire, in one place."""

from dateline.delivery.fold import DeliveryFold
from dateline.feeds.fold import FeedsFold
from dateline.site.fold import SiteFold
from dateline.wire.follow import Projection


def all_projections() -> list[Projection]:
    """Return a fresh instance of each projection."""
    return [SiteFold(), FeedsFold(), DeliveryFold()]
