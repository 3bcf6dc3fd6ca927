"""Topic filters and the topics of one device."""


def matches(topic_filter, topic):
    """Say whether a topic falls under a filter with `+` (one level) and `#` (all the rest)."""
    wanted = topic_filter.split("/")
    levels = topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)


class Topics:
    """The topics of one device, or of one sub-device behind a gateway."""

    def __init__(self, product_key, device_name):
        self.product_key = product_key
        self.device_name = device_name
        self._own = f"{product_key}/{device_name}"

    def sys(self, rest):
        """Give a system topic: `/sys/…/thing/` and the rest."""
        return f"/sys/{self._own}/thing/{rest}"

    def rrpc(self, verb, number):
        """Give the topic of a call whose caller waits: request comes down, response goes up."""
        return f"/sys/{self._own}/rrpc/{verb}/{number}"

    def user(self, rest):
        """Give a topic of the maker's own."""
        return f"/{self._own}/user/{rest}"

    def ota(self, verb):
        """Give an OTA topic: inform, upgrade, progress."""
        return f"/ota/device/{verb}/{self._own}"

    def shadow(self, verb):
        """Give a shadow topic: update goes up, get comes down."""
        return f"/shadow/{verb}/{self._own}"

    def ext(self, kind, rest):
        """Give an extension topic: `ntp` or `session`."""
        return f"/ext/{kind}/{self._own}/{rest}"
