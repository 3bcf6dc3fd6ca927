"""The SDK config that the profile put beside the certificate; a value that is not there keeps its default.

`esp32.NVS` reads whole numbers and blobs alone, so text is a blob and every number an i32.
"""

import esp32

NAMESPACE = "sdk"
LENGTH_MAX = 128
TLS_PORTS = (443, 8883)
KEEPALIVE_MIN_S = 30
KEEPALIVE_MAX_S = 1200


class SdkConfig:
    """Where the platform is and which network leads there.

    `wifi_ssid` None means the network joined last; `mqtt_host` None means the public instance of the product and region.
    `tls_ca` is the path of the trusted root, DER; `tls_verify` false takes any server, for a bench alone.
    """

    def __init__(self, region="cn-shanghai", mqtt_host=None, mqtt_port=1883):
        self.region = region
        self.mqtt_host = mqtt_host
        self.mqtt_port = mqtt_port
        self.mqtt_tls = mqtt_port in TLS_PORTS
        self.tls_ca = "/ca.der"
        self.tls_verify = True
        self.keepalive_s = 300
        self.wifi_ssid = None
        self.wifi_password = None

    def host(self, product_key):
        """Give the server's name."""
        return self.mqtt_host or f"{product_key}.iot-as-mqtt.{self.region}.aliyuncs.com"


def read():
    """Read the config from the `nvs` partition."""
    nvs = esp32.NVS(NAMESPACE)
    config = SdkConfig(
        _text(nvs, "region", "cn-shanghai"),
        _text(nvs, "mqtt_host", None),
        _number(nvs, "mqtt_port", 1883),
    )
    config.mqtt_tls = bool(_number(nvs, "mqtt_tls", config.mqtt_tls))
    config.tls_ca = _text(nvs, "tls_ca", config.tls_ca)
    config.tls_verify = bool(_number(nvs, "tls_verify", 1))
    config.keepalive_s = min(max(_number(nvs, "keepalive_s", 300), KEEPALIVE_MIN_S), KEEPALIVE_MAX_S)
    config.wifi_ssid = _text(nvs, "wifi_ssid", None)
    config.wifi_password = _text(nvs, "wifi_password", None)
    return config


def _text(nvs, key, default):
    buffer = bytearray(LENGTH_MAX)
    try:
        length = nvs.get_blob(key, buffer)
        return bytes(buffer[:length]).decode() or default
    except (OSError, UnicodeError):
        return default


def _number(nvs, key, default):
    try:
        return nvs.get_i32(key)
    except OSError:
        return default
