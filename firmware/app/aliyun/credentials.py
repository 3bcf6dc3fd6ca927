"""The device certificate as the flashing station wrote it: blobs, because esp32.NVS reads no strings."""

import esp32

NAMESPACE = "aliyun-key"
LENGTH_MAX = 64  # the platform's longest field, the DeviceSecret
SUB_DEVICES_BYTES_MAX = 1024


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


def read_sub_devices():
    """Read the certificates of the sub-devices behind this one, if any: rows `ProductKey,DeviceName,DeviceSecret`."""
    buffer = bytearray(SUB_DEVICES_BYTES_MAX)
    try:
        length = esp32.NVS(NAMESPACE).get_blob("SubDevices", buffer)
        rows = [row.strip().split(",") for row in bytes(buffer[:length]).decode().split("\n")]
    except (OSError, UnicodeError):
        return []
    return [Certificate(*row) for row in rows if len(row) == 3 and all(row)]


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
