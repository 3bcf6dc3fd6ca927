"""The device shadow: the state that the platform keeps while the device is away, with a version that only grows."""

import json

from aliyun.alink import parse
from aliyun.topics import Topics

VERSION_CONFLICT = "409"


class Shadow:
    """The shadow of one device. `version` is the last one known, 0 before any; `on_desired(values)` is the maker's."""

    def __init__(self, connection, product_key, device_name):
        topics = Topics(product_key, device_name)
        self._connection = connection
        self._topic = topics.shadow("update")
        self._again = None
        self.version = 0
        self.reported = {}
        self.last_error = None
        self.on_desired = None
        connection.on(topics.shadow("get"), self._take)

    def get(self):
        """Ask for the whole state: its desired values come to `on_desired`."""
        return self._publish({"method": "get"})

    def update(self, reported, clear_desired=False):
        """Report values. When the platform has a newer version than ours, the state is fetched and it is tried once more."""
        state = {"reported": reported}
        if clear_desired:
            state["desired"] = "null"
        self._again = state
        return self._update(state)

    def delete(self, names=None):
        """Delete reported values by name, all of them without names."""
        gone = "null" if names is None else dict.fromkeys(names, "null")
        self._again = None
        return self._publish({"method": "delete", "state": {"reported": gone}, "version": self.version + 1})

    def _update(self, state):
        return self._publish({"method": "update", "state": state, "version": self.version + 1})

    def _publish(self, body):
        return self._connection.publish(self._topic, json.dumps(body))

    def _take(self, _topic, payload):
        body = parse(payload)
        content = body.get("payload")
        if not isinstance(content, dict):
            return
        version = body.get("version", content.get("version"))
        if not isinstance(version, int) or isinstance(version, bool):
            version = None
        if body.get("method") == "reply" and content.get("status") == "error":
            self._take_error(content)
        elif body.get("method") == "reply" and content.get("status") == "success":
            self._take_state(content, version, is_answer=True)
        elif body.get("method") == "control":
            self._take_state(content, version, is_answer=False)

    def _take_error(self, content):
        error = content.get("content")
        code = str(error.get("errorcode")) if isinstance(error, dict) else "?"
        self.last_error = code
        if code != VERSION_CONFLICT:
            self._again = None
        elif self._again is not None:
            self.get()

    def _take_state(self, content, version, is_answer):
        # A control message that was overtaken by a newer one must not set old values again.
        if version is not None:
            if not is_answer and version <= self.version:
                return
            self.version = version
        state = content.get("state")
        if not isinstance(state, dict):
            self._again = None
            self.last_error = None
            return
        if isinstance(state.get("reported"), dict):
            self.reported = state["reported"]
        desired = state.get("desired")
        again, self._again = self._again, None
        if again is not None:
            self._update(again)
        if isinstance(desired, dict) and desired and self.on_desired is not None:
            self.on_desired(desired)
