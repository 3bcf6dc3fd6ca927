"""The platform's signature: HMAC-SHA256 over `hashlib`, because MicroPython has no `hmac`."""

import binascii
import hashlib

BLOCK_BYTES = 64
SECURE_MODE_TLS = 2
SECURE_MODE_TCP = 3
SIGN_METHOD = "hmacsha256"
TIMESTAMP = "2524608000000"  # the constant that the vendor's own C SDK sends: the platform takes any


def hmac_sha256(key, message):
    """Give the 32 bytes of HMAC-SHA256 (RFC 2104); key and message are bytes."""
    if len(key) > BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    key = key + b"\x00" * (BLOCK_BYTES - len(key))
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
    inner.update(message)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
    outer.update(inner.digest())
    return outer.digest()


def sign(secret, fields):
    """Sign fields (names and values as text): name and value after each other, in the names' order; gives hex."""
    text = "".join(name + fields[name] for name in sorted(fields))
    return binascii.hexlify(hmac_sha256(secret.encode(), text.encode())).decode()


def sign_device(certificate, client_id, timestamp=TIMESTAMP):
    """Sign a device's identity, as a connect or a sub-device's login wants it; gives hex."""
    fields = {
        "clientId": client_id,
        "deviceName": certificate.device_name,
        "productKey": certificate.product_key,
        "timestamp": timestamp,
    }
    return sign(certificate.device_secret, fields)


def default_client_id(certificate):
    """Give the clientId used when the maker has none of his own."""
    return f"{certificate.product_key}.{certificate.device_name}"


def connect_fields(certificate, is_tls, client_id=None, timestamp=TIMESTAMP):
    """Give MQTT's (clientId, user name, password) for this certificate."""
    client_id = client_id or default_client_id(certificate)
    mode = SECURE_MODE_TLS if is_tls else SECURE_MODE_TCP
    wire_id = f"{client_id}|securemode={mode},signmethod={SIGN_METHOD},timestamp={timestamp}|"
    user = f"{certificate.device_name}&{certificate.product_key}"
    return wire_id, user, sign_device(certificate, client_id, timestamp)
