"""What can go wrong with a subscription, each with a stable code and a sentence."""

from dateline.news.errors import DatelineError


class DeliveryError(DatelineError):
    """Something about a subscription cannot be done; nothing was changed."""

    code = "delivery"


class UnknownSubscription(DeliveryError):
    """There is no subscription of that name."""

    code = "unknown-subscription"


class BadEndpoint(DeliveryError):
    """A webhook's address that nothing is sent to."""

    code = "bad-endpoint"


class TakenName(DeliveryError):
    """Another subscription has that name."""

    code = "taken-name"


class BadPeriod(DeliveryError):
    """A subscription cannot begin or end then."""

    code = "bad-period"


class NeedsSecret(DeliveryError):
    """What a way signs in with was kept for another server; `value` is the option's name."""

    code = "needs-secret"
