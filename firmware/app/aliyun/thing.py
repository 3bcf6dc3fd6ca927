"""What the thing model (TSL) names: properties, events, services; of the device itself or of a sub-device behind it."""

from aliyun.topics import Topics


class Thing:
    """Properties, events and services of one device; whole numbers and floats keep their kind (a float needs its point)."""

    def __init__(self, alink, product_key, device_name):
        self._alink = alink
        self._topics = Topics(product_key, device_name)
        self._services = {}

    def post(self, values, when_answered=None):
        """Report property values by identifier; false when there is no connection."""
        topic = self._topics.sys("event/property/post")
        return self._alink.request(topic, values, "thing.event.property.post", when_answered)

    def post_event(self, identifier, values, when_answered=None):
        """Report an event with its output values."""
        topic = self._topics.sys(f"event/{identifier}/post")
        return self._alink.request(topic, values, f"thing.event.{identifier}.post", when_answered)

    def on_set(self, handler):
        """Have handler(values) called when the platform sets properties; ValueError refuses them."""

        def take(params):
            if not isinstance(params, dict):
                raise ValueError("params")
            handler(params)

        self._alink.serve(self._topics.sys("service/property/set"), take)

    def on_get(self, handler):
        """Have handler(identifiers) give the values that the platform asks for."""

        def take(params):
            if not isinstance(params, list):
                raise ValueError("params")
            return handler(params)

        self._alink.serve(self._topics.sys("service/property/get"), take)

    def on_service(self, identifier, handler):
        """Have handler(input values) give the output values of a service call, whether its caller waits or not."""

        def take(params):
            return handler(params if isinstance(params, dict) else {})

        self._alink.serve(self._topics.sys(f"service/{identifier}"), take)
        if not self._services:
            self._alink.serve_calls(self._topics, self._services)
        self._services[f"thing.service.{identifier}"] = take
