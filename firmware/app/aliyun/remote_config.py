"""Remote configuration: a small JSON file of the product, asked for or pushed, downloaded and checked with SHA-256."""

import binascii
import hashlib
import json

from aliyun.alink import OK
from aliyun.download import Download
from aliyun.topics import Topics

SIZE_BYTES_MAX = 8192


class RemoteConfig:
    """`on_config(values)` gets the file's contents; `config_id` names the one taken last."""

    def __init__(self, alink, product_key, device_name, on_config, download_class=Download):
        self._topics = Topics(product_key, device_name)
        self._alink = alink
        self._on_config = on_config
        self._download_class = download_class
        self._wanted = None
        self.config_id = None
        self.last_fault = None
        alink.serve(self._topics.sys("config/push"), self._take)

    def ask(self):
        """Ask for the product's configuration."""
        params = {"configScope": "product", "getType": "file"}
        return self._alink.request(self._topics.sys("config/get"), params, "thing.config.get", self._take_answer)

    def poll(self):
        """Download what was ordered, if anything was."""
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        try:
            values = self._fetch(wanted)
            self.config_id = wanted.get("configId")
            self._on_config(values)
        except Exception as fault:  # noqa: BLE001  # a bad file, or a value that the maker's handler falls over
            self.last_fault = fault

    def _take_answer(self, code, data):
        if code == OK:
            try:
                self._take(data)
            except (ValueError, TypeError) as fault:
                self.last_fault = fault

    def _take(self, params):
        if not isinstance(params, dict) or not isinstance(params.get("url"), str):
            raise ValueError("url")
        if not 0 < int(params.get("configSize", 0)) <= SIZE_BYTES_MAX:
            raise ValueError("configSize")
        if str(params.get("signMethod")).lower() != "sha256" or not isinstance(params.get("sign"), str):
            raise ValueError("only Sha256 is taken")
        if self.config_id is None or params.get("configId") != self.config_id:
            self._wanted = params

    def _fetch(self, wanted):
        size = int(wanted["configSize"])
        data = bytearray(size)
        view = memoryview(data)
        download = self._download_class(wanted["url"], size)
        done = 0
        try:
            while done < size:
                done += download.read_into(view[done:])
        finally:
            download.close()
        if binascii.hexlify(hashlib.sha256(data).digest()).decode() != wanted["sign"].lower():
            raise ValueError("SHA-256 differs")
        values = json.loads(bytes(data))
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
        return values
