"""The SDK config that the profile put beside the certificate; a value that is not there keeps its default."""

import esp32

NAMESPACE = "sdk"
LENGTH_MAX = 128


class SdkConfig:
    """Where the platform is, and which network leads there; `wifi_ssid` None means the network joined last."""

    def __init__(self, region, mqtt_host, mqtt_port, wifi_ssid, wifi_password):
        self.region = region
        self.mqtt_host = mqtt_host
        self.mqtt_port = mqtt_port
        self.wifi_ssid = wifi_ssid
        self.wifi_password = wifi_password


def read():
    """Read the config from the `nvs` partition."""
    nvs = esp32.NVS(NAMESPACE)
    return SdkConfig(
        _text(nvs, "region", "cn-shanghai"),
        _text(nvs, "mqtt_host", None),
        _number(nvs, "mqtt_port", 1883),
        _text(nvs, "wifi_ssid", None),
        _text(nvs, "wifi_password", None),
    )


def _text(nvs, key, default):
    buffer = bytearray(LENGTH_MAX)
    try:
        length = nvs.get_blob(key, buffer)
        return bytes(buffer[:length]).decode()
    except (OSError, UnicodeError):
        return default


def _number(nvs, key, default):
    try:
        return nvs.get_i32(key)
    except OSError:
        return default
