"""Sub-devices: devices without a connection of their own that live behind this gateway.

A sub-device signs with its own secret. `add` tells the platform that it belongs here, `login` takes it online; afterwards
a `Thing` of its names works over the gateway's connection.
"""

import json

from aliyun import signature
from aliyun.alink import OK
from aliyun.thing import Thing
from aliyun.topics import Topics

SIGN_METHOD = "hmacSha256"


class Gateway:
    """The sub-devices of one gateway; `online` has the (ProductKey, DeviceName) of those that the platform let in."""

    def __init__(self, connection, alink, product_key, device_name):
        self._connection = connection
        self._alink = alink
        self._topics = Topics(product_key, device_name)
        self._wanted = {}
        self.online = set()
        connection.when_connected.append(self._login_again)
        connection.when_lost.append(self.online.clear)

    def add(self, certificate, when_answered=None):
        """Make a sub-device this gateway's."""
        fields = self._signed(certificate)
        fields["signmethod"] = SIGN_METHOD
        return self._alink.request(self._topics.sys("topo/add"), [fields], "thing.topo.add", when_answered)

    def delete(self, product_key, device_name, when_answered=None):
        """Let a sub-device go."""
        names = [{"productKey": product_key, "deviceName": device_name}]
        self._wanted.pop((product_key, device_name), None)
        self.online.discard((product_key, device_name))
        return self._alink.request(self._topics.sys("topo/delete"), names, "thing.topo.delete", when_answered)

    def get(self, when_answered):
        """Ask which sub-devices are this gateway's: when_answered(code, data)."""
        return self._alink.request(self._topics.sys("topo/get"), {}, "thing.topo.get", when_answered)

    def login(self, certificate, when_answered=None):
        """Take a sub-device online, and again after each reconnect."""
        names = (certificate.product_key, certificate.device_name)
        self._wanted[names] = certificate

        def take(code, data):
            if code == OK:
                self.online.add(names)
            if when_answered is not None:
                when_answered(code, data)

        params = self._signed(certificate)
        params["signMethod"] = SIGN_METHOD
        params["cleanSession"] = "true"
        return self._alink.request(self._topics.ext("session", "combine/login"), params, None, take)

    def logout(self, product_key, device_name, when_answered=None):
        """Take a sub-device offline."""
        self._wanted.pop((product_key, device_name), None)
        self.online.discard((product_key, device_name))
        params = {"productKey": product_key, "deviceName": device_name}
        return self._alink.request(self._topics.ext("session", "combine/logout"), params, None, when_answered)

    def thing(self, certificate):
        """Give the properties, events and services of a sub-device."""
        return Thing(self._alink, certificate.product_key, certificate.device_name)

    def send(self, product_key, device_name, rest, values):
        """Publish a sub-device's own user topic."""
        return self._connection.publish(Topics(product_key, device_name).user(rest), json.dumps(values))

    def _login_again(self):
        for certificate in list(self._wanted.values()):
            self.login(certificate)

    def _signed(self, certificate):
        client_id = signature.default_client_id(certificate)
        return {
            "productKey": certificate.product_key,
            "deviceName": certificate.device_name,
            "clientId": client_id,
            "timestamp": signature.TIMESTAMP,
            "sign": signature.sign_device(certificate, client_id),
        }
