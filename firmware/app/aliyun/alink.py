"""The platform's request and reply bodies (Alink JSON), and which reply belongs to which request."""

import json
import time

PENDING_MAX = 16
REPLY_TIMEOUT_MS = 30000
OK = 200
TIMED_OUT = None


def parse(payload):
    """Give a message's body; an empty one when it is not a JSON object."""
    try:
        body = json.loads(payload)
    except (ValueError, UnicodeError):
        return {}
    return body if isinstance(body, dict) else {}


class Alink:
    """Requests to the platform and its own, over a Connection."""

    def __init__(self, connection, clock=time):
        self._connection = connection
        self._clock = clock
        self._last_id = 0
        self._pending = {}
        self._listening = set()

    def request(self, topic, params, method=None, when_answered=None):
        """Publish a request; when_answered(code, data) gets the reply, or code None after 30 s. False when not sent."""
        self._last_id += 1
        number = str(self._last_id)
        body = {"id": number, "version": "1.0", "params": params}
        if method:
            body["method"] = method
        reply_topic = topic + "_reply"
        if reply_topic not in self._listening:
            self._listening.add(reply_topic)
            self._connection.on(reply_topic, self._take_reply)
        if when_answered is not None:
            if len(self._pending) >= PENDING_MAX:
                self._forget(min(self._pending, key=int))
            self._pending[number] = (when_answered, self._clock.ticks_ms(), reply_topic)
        if self._connection.publish(topic, json.dumps(body)):
            return True
        self._pending.pop(number, None)
        return False

    def serve(self, topic, handler):
        """Answer the platform's requests: handler(params) gives the reply's data, or raises ValueError for code 460."""

        def take(_topic, payload):
            self._answer(topic + "_reply", parse(payload), handler)

        self._connection.on(topic, take)

    def serve_calls(self, topics, handlers):
        """Answer calls whose caller waits: `handlers` has a handler(params) for each method, and may grow."""

        def take(topic, payload):
            body = parse(payload)
            handler = handlers.get(body.get("method"))
            if handler is not None:
                self._answer(topics.rrpc("response", topic.split("/")[-1]), body, handler)

        self._connection.on(topics.rrpc("request", "+"), take)

    def _answer(self, reply_topic, body, handler):
        if "id" not in body:
            return
        try:
            code, data = OK, handler(body.get("params"))
        except (ValueError, KeyError, TypeError, AttributeError):
            code, data = 460, None
        except Exception:  # noqa: BLE001  # the platform is to hear of a handler's fault too
            code, data = 500, None
        reply = {"id": body["id"], "code": code, "data": {} if data is None else data}
        self._connection.publish(reply_topic, json.dumps(reply))

    def poll(self):
        """Give up on requests that nobody answered."""
        now = self._clock.ticks_ms()
        late = [n for n, kept in self._pending.items() if self._clock.ticks_diff(now, kept[1]) > REPLY_TIMEOUT_MS]
        for number in late:
            self._forget(number)

    def _forget(self, number):
        when_answered = self._pending.pop(number)[0]
        when_answered(TIMED_OUT, {})

    def _take_reply(self, topic, payload):
        body = parse(payload)
        kept = self._pending.get(str(body.get("id")))
        if kept is None or kept[2] != topic:
            return
        del self._pending[str(body["id"])]
        code = body.get("code")
        data = body.get("data")
        kept[0](code if isinstance(code, int) else 0, data if isinstance(data, dict) else {"value": data})
