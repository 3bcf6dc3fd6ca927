"""The platform's time over MQTT (NTP topic), in ms since 1970; kept by the chip's ticks in between."""

import json
import time

from aliyun.alink import parse
from aliyun.topics import Topics

EPOCH_MIN_MS = 1600000000000


class Clock:
    """`now_ms()` is None until the platform has answered once. `poll` must run at least once in a few days."""

    def __init__(self, connection, product_key, device_name, clock=time):
        topics = Topics(product_key, device_name)
        self._connection = connection
        self._clock = clock
        self._request_topic = topics.ext("ntp", "request")
        self._asked = None
        self._base_ms = None
        self._base_ticks = 0
        connection.on(topics.ext("ntp", "response"), self._take)

    def ask(self):
        """Ask the platform for the time."""
        self._asked = self._clock.ticks_ms()
        return self._connection.publish(self._request_topic, json.dumps({"deviceSendTime": str(self._asked)}))

    def now_ms(self):
        """Give the time, None when it is not known."""
        self.poll()
        return self._base_ms

    def poll(self):
        """Move the base on, because ticks come round after twelve days."""
        now = self._clock.ticks_ms()
        if self._base_ms is not None:
            self._base_ms += self._clock.ticks_diff(now, self._base_ticks)
        self._base_ticks = now

    def _take(self, _topic, payload):
        body = parse(payload)
        if self._asked is None or str(body.get("deviceSendTime")) != str(self._asked):
            return
        try:
            received, sent = int(body["serverRecvTime"]), int(body["serverSendTime"])
        except (KeyError, ValueError, TypeError):
            return
        if received < EPOCH_MIN_MS or sent < received:
            return
        now = self._clock.ticks_ms()
        way_ms = self._clock.ticks_diff(now, self._asked) - (sent - received)
        self._asked = None
        self._base_ms = sent + max(way_ms, 0) // 2
        self._base_ticks = now
