"""The MQTT connection: connect, keepalive, reconnect with back-off, publish, subscribe, dispatch.

Over `umqtt.simple`. Its callback only stores what came; handlers run afterwards from `poll`, because a handler that
publishes while umqtt waits for an acknowledgement would swallow that acknowledgement.
"""

import gc
import time

from umqtt.simple import MQTTClient, MQTTException

from aliyun import signature
from aliyun.backoff import Backoff
from aliyun.topics import matches

TIMEOUT_S = 10
INBOX_MAX = 16
MESSAGES_A_SECOND = 25  # the platform drops what exceeds 30 in a second
TOPIC_BYTES_MAX = 128
REFUSALS = {
    1: "protocol version",
    2: "clientId malformed",
    3: "server unavailable",
    4: "user name or password",
    5: "not authorised",
}
_LINK_FAULTS = (OSError, MQTTException, MemoryError, AssertionError, IndexError)


class NoTrustedRoot(Exception):
    """TLS is wanted and there is no root certificate to check the server with; the argument is the path."""


class _WatchedSocket:
    """A socket that notes when something was heard, and never waits for ever."""

    def __init__(self, sock, heard):
        self._sock = sock
        self._heard = heard
        self.setblocking(True)

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def setblocking(self, is_blocking):
        if is_blocking and hasattr(self._sock, "settimeout"):
            self._sock.settimeout(TIMEOUT_S)
        else:
            self._sock.setblocking(is_blocking)

    def read(self, size):
        data = self._sock.read(size)
        if data:
            self._heard()
        return data

    def recv(self, *arguments):
        data = self._sock.recv(*arguments)
        if data:
            self._heard()
        return data


class Connection:
    """One device's connection. `poll` does all the work and is called again and again.

    `refusal` is the CONNACK code of the last refused try, None otherwise. `dropped` counts messages that came too fast.
    """

    def __init__(self, certificate, config, clock=time, backoff=None, client_class=MQTTClient):
        self._certificate = certificate
        self._config = config
        self._clock = clock
        self._backoff = backoff or Backoff(clock)
        self._client_class = client_class
        self._client = None
        self._handlers = []
        self._inbox = []
        self._sent_ms = self._heard_ms = clock.ticks_ms()
        self._second = None
        self._in_second = 0
        self.refusal = None
        self.dropped = 0
        self.faults = 0
        self.last_fault = None
        self.connects = 0
        self.unsubscribed = []
        self.when_connected = []
        self.when_lost = []

    @property
    def is_connected(self):
        """Say whether the platform has accepted and nothing broke since."""
        return self._client is not None

    def on(self, topic_filter, handler):
        """Have handler(topic, payload) called for what comes under this filter; payload is bytes."""
        is_new = all(topic_filter != known for known, _ in self._handlers)
        self._handlers.append((topic_filter, handler))
        if is_new and self._client is not None:
            self._subscribe(topic_filter)

    def off(self, topic_filter):
        """Forget a filter's handlers."""
        self._handlers = [pair for pair in self._handlers if pair[0] != topic_filter]

    def publish(self, topic, payload, qos=0):
        """Send text or bytes; false when there is no connection (nothing is kept for later)."""
        if len(topic.encode()) > TOPIC_BYTES_MAX:
            raise ValueError("topic too long")
        if self._client is None:
            return False
        self._pace()
        try:
            self._client.publish(topic.encode(), payload.encode() if isinstance(payload, str) else payload, False, qos)
        except _LINK_FAULTS as fault:
            self._lost(fault)
            return False
        self._sent_ms = self._clock.ticks_ms()
        return True

    def poll(self):
        """Connect when it is time, ping when it is time, take what came and hand it out; gives is_connected."""
        if self._client is None:
            if self._backoff.wait_ms() == 0:
                self._connect()
        else:
            self._listen()
        while self._inbox:
            self._hand_out(*self._inbox.pop(0))
        return self.is_connected

    def close(self):
        """Say good-bye; `poll` would connect again."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.disconnect()
            except OSError:
                pass  # the link is gone already, which is what was wanted

    def _connect(self):
        gc.collect()
        config = self._config
        client_id, user, password = signature.connect_fields(self._certificate, config.mqtt_tls)
        host = config.host(self._certificate.product_key)
        tls, parameters = self._tls(host)
        client = self._client_class(
            client_id, host, config.mqtt_port, user, password, config.keepalive_s, tls, parameters
        )
        client.set_callback(self._take)
        self._backoff.trying()
        self.refusal = None
        try:
            client.connect()
            client.sock = _WatchedSocket(client.sock, self._note_heard)
        except _LINK_FAULTS as fault:
            if isinstance(fault, MQTTException):
                self.refusal = fault.args[0]
            _close(client)
            self.last_fault = fault
            self._backoff.failed(self.refusal in (2, 4, 5))
            return
        self._client = client
        self._backoff.connected()
        self._sent_ms = self._heard_ms = self._clock.ticks_ms()
        self.connects += 1
        self.unsubscribed = []
        for topic_filter in dict.fromkeys([pair[0] for pair in self._handlers]):
            self._subscribe(topic_filter)
        self._tell(self.when_connected)

    def _tls(self, host):
        config = self._config
        if not config.mqtt_tls:
            return None, {}
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        parameters = {"server_hostname": host}
        if config.tls_verify:
            root = _read_root(config.tls_ca)
            if root is None:
                raise NoTrustedRoot(config.tls_ca)
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=root)
            # umqtt.simple of MicroPython 1.21 takes these; later ones call the context.
            parameters["cert_reqs"] = ssl.CERT_REQUIRED
            parameters["cadata"] = root
        else:
            if hasattr(context, "check_hostname"):
                context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context, parameters

    def _subscribe(self, topic_filter):
        if self._client is None:
            return
        self._pace()
        try:
            self._client.subscribe(topic_filter.encode(), 0)
        except MQTTException:
            self.unsubscribed.append(topic_filter)
        except _LINK_FAULTS as fault:
            self._lost(fault)

    def _listen(self):
        now = self._clock.ticks_ms()
        keepalive_ms = self._config.keepalive_s * 1000
        try:
            if self._clock.ticks_diff(now, self._heard_ms) > keepalive_ms * 3 // 2:
                raise OSError(110)  # ETIMEDOUT: pings stay unanswered
            if self._clock.ticks_diff(now, _earlier(self._clock, self._sent_ms, self._heard_ms)) > keepalive_ms // 2:
                self._client.ping()
                self._sent_ms = now
            for _ in range(INBOX_MAX):
                before = len(self._inbox)
                self._client.check_msg()
                if len(self._inbox) == before:
                    break
        except _LINK_FAULTS as fault:
            self._lost(fault)

    def _take(self, topic, payload, *_more):
        if len(self._inbox) >= INBOX_MAX:
            self.dropped += 1
        else:
            self._inbox.append((topic, payload))

    def _hand_out(self, topic, payload):
        try:
            topic = bytes(topic).decode()
        except UnicodeError:
            self.faults += 1
            return
        for topic_filter, handler in list(self._handlers):
            if matches(topic_filter, topic):
                try:
                    handler(topic, payload)
                except Exception as fault:  # noqa: BLE001  # one bad message must not stop the device
                    self.faults += 1
                    self.last_fault = fault

    def _lost(self, fault):
        client, self._client = self._client, None
        self.last_fault = fault
        if client is not None:
            _close(client)
            self._backoff.failed()
            self._tell(self.when_lost)

    def _tell(self, listeners):
        for listener in list(listeners):
            listener()

    def _note_heard(self):
        self._heard_ms = self._clock.ticks_ms()

    def _pace(self):
        now = self._clock.ticks_ms()
        if self._second is None or self._clock.ticks_diff(now, self._second) >= 1000:
            self._second, self._in_second = now, 0
        elif self._in_second >= MESSAGES_A_SECOND:
            self._clock.sleep_ms(1000 - self._clock.ticks_diff(now, self._second))
            self._second, self._in_second = self._clock.ticks_ms(), 0
        self._in_second += 1


def _earlier(clock, first, second):
    """Give the earlier of two ticks: a link is quiet when either direction is."""
    return first if clock.ticks_diff(first, second) < 0 else second


def _read_root(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _close(client):
    try:
        if client.sock is not None:
            client.sock.close()
    except (OSError, AttributeError):
        pass  # it is closed, or was never open
