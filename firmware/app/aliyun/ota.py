"""Updates over the air: reports versions, takes the platform's orders, downloads in small pieces, checks the SHA-256.

An order never works inside a message's handler: `poll` moves it on a few kilobytes at a time, so the connection lives.
The platform judges success by the version that is reported after the restart.
"""

import binascii
import hashlib
import json

from aliyun.alink import OK, parse
from aliyun.download import Download, DownloadFault
from aliyun.topics import Topics

CHUNK_BYTES = 1024
CHUNKS_A_POLL = 4
PROGRESS_STEP = 20
DEFAULT_MODULE = "default"
UPGRADE_FAILED, DOWNLOAD_FAILED, HASH_WRONG, WRITE_FAILED = -1, -2, -3, -4


class Order:
    """What the platform wants installed; made by `read_order`."""

    def __init__(self, module, version, url, size_bytes, sha256):
        self.module = module
        self.version = version
        self.url = url
        self.size_bytes = size_bytes
        self.sha256 = sha256


def read_order(data):
    """Give the order in a message's `data`; raises ValueError when a field is missing or cannot be used."""
    if not isinstance(data, dict):
        raise ValueError("data")
    texts = [data.get(name) for name in ("version", "url", "sign", "signMethod")]
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError("a field is missing")
    version, url, sha256, method = texts
    if method.lower() != "sha256" or len(sha256) != 64:
        raise ValueError("only SHA256 is taken")
    size_bytes = int(data.get("size", 0))
    if size_bytes <= 0:
        raise ValueError("size")
    module = data.get("module") or DEFAULT_MODULE
    if not isinstance(module, str):
        raise ValueError("module")
    return Order(module, version, url, size_bytes, sha256.lower())


class Ota:
    """Updates of one device. `modules` maps a module's name to (running version, function that makes its update).

    `is_restart_due` becomes true when an update is ready: the application then restarts the chip when it suits.
    """

    def __init__(self, connection, alink, product_key, device_name, modules, download_class=Download):
        topics = Topics(product_key, device_name)
        self._connection = connection
        self._alink = alink
        self._topics = topics
        self._modules = modules
        self._download_class = download_class
        self._order = self._update = self._download = None
        self._next_id = 0
        self.is_restart_due = False
        self.last_fault = None
        connection.on(topics.ota("upgrade"), self._take_push)

    def report(self):
        """Report the running version of every module."""
        for module, (version, _) in self._modules.items():
            params = {"version": version}
            if module != DEFAULT_MODULE:
                params["module"] = module
            self._publish("inform", params)

    def ask(self, module=DEFAULT_MODULE):
        """Ask whether there is an update for a module."""
        params = {} if module == DEFAULT_MODULE else {"module": module}
        topic = self._topics.sys("ota/firmware/get")
        return self._alink.request(topic, params, "thing.ota.firmware.get", self._take_answer)

    def poll(self):
        """Move a running update on."""
        if self._order is None or self.is_restart_due:
            return
        try:
            if self._update is None:
                self._begin()
            self._move_on()
        except DownloadFault as fault:
            self._fail(DOWNLOAD_FAILED, fault)
        except Exception as fault:  # noqa: BLE001  # full filesystem, bad archive, no partition: the device goes on
            self._fail(WRITE_FAILED, fault)

    def _take_push(self, _topic, payload):
        self._take_order(parse(payload).get("data"))

    def _take_answer(self, code, data):
        if code == OK and data.get("url"):
            self._take_order(data)

    def _take_order(self, data):
        if self._order is not None:
            return
        try:
            order = read_order(data)
        except (ValueError, TypeError) as fault:
            self.last_fault = fault
            if isinstance(data, dict) and isinstance(data.get("module", ""), str):
                self._progress(UPGRADE_FAILED, data.get("module") or DEFAULT_MODULE, "order not understood")
            return
        if order.module not in self._modules:
            self._progress(UPGRADE_FAILED, order.module, "no such module")
        elif order.version == self._modules[order.module][0]:
            self.report()
        elif self._modules[order.module][1]().is_refused(order.version):
            self._progress(UPGRADE_FAILED, order.module, "this version was rolled back")
        else:
            self._order = order

    def _begin(self):
        order = self._order
        self._update = self._modules[order.module][1]()
        self._update.begin(order.size_bytes)
        self._download = self._download_class(order.url, order.size_bytes)
        self._hash = hashlib.sha256()
        self._done = 0
        self._shown = 0
        self._buffer = bytearray(CHUNK_BYTES)
        self._progress(0, order.module)

    def _move_on(self):
        order = self._order
        for _ in range(CHUNKS_A_POLL):
            count = self._download.read_into(self._buffer)
            if not count:
                break
            piece = memoryview(self._buffer)[:count]
            self._hash.update(piece)
            self._update.write(piece)
            self._done += count
        percent = self._done * 100 // order.size_bytes
        if percent >= self._shown + PROGRESS_STEP and percent < 100:
            self._shown = percent
            self._progress(percent, order.module)
        if self._done == order.size_bytes:
            self._end()

    def _end(self):
        order = self._order
        self._download.close()
        if binascii.hexlify(self._hash.digest()).decode() != order.sha256:
            self._fail(HASH_WRONG, "SHA-256 differs")
            return
        self._update.finish(order.version)
        self._progress(100, order.module)
        self.is_restart_due = True

    def _fail(self, step, fault):
        self.last_fault = fault
        order, self._order = self._order, None
        for one, release in ((self._download, "close"), (self._update, "abort")):
            if one is not None:
                try:
                    getattr(one, release)()
                except OSError:
                    pass  # what cannot be let go is emptied by the next update
        self._download = self._update = None
        self._progress(step, order.module, str(fault))

    def _progress(self, step, module, text=""):
        params = {"step": str(step), "desc": text}
        if module != DEFAULT_MODULE:
            params["module"] = module
        self._publish("progress", params)

    def _publish(self, verb, params):
        self._next_id += 1
        body = {"id": str(self._next_id), "params": params}
        self._connection.publish(self._topics.ota(verb), json.dumps(body), 1)
