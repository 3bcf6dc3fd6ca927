"""The device certificate as the flashing station wrote it: blobs, because esp32.NVS reads no strings."""

import esp32

NAMESPACE = "aliyun-key"
LENGTH_MAX = 64  # the platform's longest field, the DeviceSecret


class NoCertificate(Exception):
    """A field of the certificate is missing or unreadable; the argument names it."""


class Certificate:
    """One device's identity on the platform, and its secret."""

    def __init__(self, product_key, device_name, device_secret):
        self.product_key = product_key
        self.device_name = device_name
        self.device_secret = device_secret


def read():
    """Read the certificate from the `nvs` partition; raises NoCertificate."""
    nvs = esp32.NVS(NAMESPACE)
    return Certificate(_field(nvs, "ProductKey"), _field(nvs, "DeviceName"), _field(nvs, "DeviceSecret"))


def _field(nvs, key):
    buffer = bytearray(LENGTH_MAX)
    try:
        length = nvs.get_blob(key, buffer)
        text = bytes(buffer[:length]).decode()
    except (OSError, UnicodeError):
        text = ""
    if not text:
        raise NoCertificate(key)
    return text
