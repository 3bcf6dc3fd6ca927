"""The way to the platform: the wireless network now; the MQTT connection takes its place in `go_online`."""

import time

import network

JOIN_TRIES_MAX = 150
JOIN_PERIOD_S = 0.1


def go_online(config):
    """Say whether the device is online: for now, whether it has joined the network."""
    return join_network(config)


def join_network(config):
    """Join the configured network, or the one joined last; false when that takes longer than 15 s."""
    station = network.WLAN(network.STA_IF)
    station.active(True)
    if not station.isconnected():
        try:
            if config.wifi_ssid:
                station.connect(config.wifi_ssid, config.wifi_password)
            else:
                station.connect()
        except OSError:
            return False
    for _ in range(JOIN_TRIES_MAX):
        if station.isconnected():
            return True
        time.sleep(JOIN_PERIOD_S)
    return False
