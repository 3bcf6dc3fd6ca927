"""The wireless network: joined at start, joined again whenever it is lost."""

import time

import network

JOIN_PERIOD_MS = 100
JOIN_POLLS_MAX = 150
TRIES = 4
PAUSE_MS = 2000


class Wifi:
    """The station interface and the network it shall be in; SSID None means the one joined last."""

    def __init__(self, ssid=None, password=None):
        self._ssid = ssid
        self._password = password
        self._station = network.WLAN(network.STA_IF)

    def is_joined(self):
        """Say whether there is a link and an address."""
        return self._station.isconnected()

    def join(self, tries=TRIES):
        """Join the network, trying so often with a growing pause between; false when none succeeded."""
        for attempt in range(tries):
            if attempt:
                time.sleep_ms(PAUSE_MS * attempt)
            if self._join_once():
                return True
        return False

    def _join_once(self):
        station = self._station
        station.active(True)
        if station.isconnected():
            return True
        try:
            # A driver that still tries an earlier network refuses the next one until it is told to stop.
            station.disconnect()
            if self._ssid:
                station.connect(self._ssid, self._password)
            else:
                station.connect()
        except OSError:
            return False
        for _ in range(JOIN_POLLS_MAX):
            if station.isconnected():
                return True
            time.sleep_ms(JOIN_PERIOD_MS)
        return False
