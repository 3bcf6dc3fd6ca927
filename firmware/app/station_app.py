# ruff: noqa: T201  # the console is this program's screen
"""The example application, a smart plug: says who it is on the console, goes online, and shows every part of the SDK."""

import gc
import sys
import time

import machine

from aliyun import config as sdk_config
from aliyun import credentials, trial
from aliyun.alink import OK, Alink
from aliyun.clock import Clock
from aliyun.connection import REFUSALS, Connection, NoTrustedRoot
from aliyun.firmware import FirmwareUpdate
from aliyun.gateway import Gateway
from aliyun.ota import DEFAULT_MODULE, Ota
from aliyun.package import ApplicationUpdate
from aliyun.remote_config import RemoteConfig
from aliyun.shadow import Shadow
from aliyun.thing import Thing
from aliyun.wifi import Wifi

NAME = "station-app"
VERSION = "0.1.0"
FIRMWARE_MODULE = "firmware"
RELAY_PIN = 2
STEP_MS = 50
POST_PERIOD_MS = 60000
RESTART_DELAY_MS = 1000


def run(keep_on=lambda: True):
    """Walk from the NVS to the platform and serve it; each outcome is one line on the console, none holds a secret."""
    try:
        certificate = credentials.read()
    except credentials.NoCertificate as fault:
        print(f"station-app: no certificate ({fault})")
        return
    config = sdk_config.read()
    print(f"station-app ready: {NAME} {VERSION} device={certificate.device_name}")
    plug = Plug(certificate, config)
    try:
        while keep_on():
            plug.step()
            time.sleep_ms(STEP_MS)
    except NoTrustedRoot as fault:
        print(f"station-app: no root certificate ({fault})")
    finally:
        plug.connection.close()


class Plug:
    """The plug: a relay that the platform switches, counts and reads."""

    def __init__(self, certificate, config):
        names = (certificate.product_key, certificate.device_name)
        self._relay = machine.Pin(RELAY_PIN, machine.Pin.OUT, value=0)
        self._wifi = Wifi(config.wifi_ssid, config.wifi_password)
        self._has_network = True
        self._why_not = None
        self._posted_ms = None
        self._post_period_ms = POST_PERIOD_MS
        self._restart_ms = None
        self.connection = Connection(certificate, config)
        self.connection.when_connected.append(self._greet)
        self.connection.when_lost.append(self._mourn)
        self.alink = Alink(self.connection)
        self.thing = Thing(self.alink, *names)
        self.thing.on_set(self._set)
        self.thing.on_get(self._get)
        self.thing.on_service("Toggle", self._toggle)
        self.shadow = Shadow(self.connection, *names)
        self.shadow.on_desired = self._desire
        self.clock = Clock(self.connection, *names)
        self.remote_config = RemoteConfig(self.alink, *names, self._configure)
        firmware_version = ".".join(str(part) for part in sys.implementation.version[:3])
        modules = {DEFAULT_MODULE: (VERSION, ApplicationUpdate), FIRMWARE_MODULE: (firmware_version, FirmwareUpdate)}
        self.ota = Ota(self.connection, self.alink, *names, modules)
        self.gateway = Gateway(self.connection, self.alink, *names)
        self._sub_devices = credentials.read_sub_devices()

    def step(self):
        """Do what is due: network, connection, updates, the periodic post."""
        if not self._join():
            return
        if not self.connection.poll():
            self._say_why_not()
            return
        self.alink.poll()
        self.ota.poll()
        self.remote_config.poll()
        self.clock.poll()
        now = time.ticks_ms()
        if self._posted_ms is None or time.ticks_diff(now, self._posted_ms) >= self._post_period_ms:
            self._posted_ms = now
            self._post()
            gc.collect()
        self._restart_when_due(now)

    def _join(self):
        is_joined = self._wifi.is_joined() or self._wifi.join()
        if not is_joined and self._has_network:
            print("station-app: no network")
        self._has_network = is_joined
        return is_joined

    def _say_why_not(self):
        refusal, fault = self.connection.refusal, self.connection.last_fault
        if refusal is not None:
            why = f"refused ({refusal}: {REFUSALS.get(refusal, 'unknown')})"
        elif fault is not None:
            why = f"not connected ({type(fault).__name__}: {fault})"
        else:
            return
        if why != self._why_not:
            print(f"station-app: {why}")
        self._why_not = why

    def _greet(self):
        print("station-app online")
        self._why_not = None
        trial.confirm()
        self.ota.report()
        self.ota.ask()
        self.clock.ask()
        self.shadow.get()
        self.remote_config.ask()
        self._posted_ms = None
        self.thing.post_event("Started", {"Cause": machine.reset_cause()})
        for certificate in list(self._sub_devices):
            self._take_in(certificate)

    def _mourn(self):
        print("station-app: connection lost")

    def _take_in(self, certificate):
        def log_in(code, _data):
            if code == OK:
                self.gateway.login(certificate, post)

        def post(code, _data):
            if code == OK:
                if certificate in self._sub_devices:
                    self._sub_devices.remove(certificate)  # from now on the gateway logs it in again by itself
                print(f"station-app: sub-device online {certificate.device_name}")
                self.gateway.thing(certificate).post({"PowerSwitch": 0})

        self.gateway.add(certificate, log_in)

    def _state(self):
        return {"PowerSwitch": self._relay.value()}

    def _post(self):
        self.thing.post(self._state())

    def _set(self, values):
        if "PowerSwitch" in values:
            self._switch(values["PowerSwitch"])
            self._post()

    def _get(self, names):
        return {name: value for name, value in self._state().items() if name in names}

    def _toggle(self, _values):
        self._switch(1 - self._relay.value())
        self._post()
        return self._state()

    def _desire(self, values):
        if "PowerSwitch" in values:
            self._switch(values["PowerSwitch"])
        self.shadow.update(self._state(), clear_desired=True)

    def _switch(self, value):
        if value not in (0, 1):
            raise ValueError("PowerSwitch")
        self._relay.value(int(value))

    def _configure(self, values):
        period_s = values.get("PostPeriod")
        if isinstance(period_s, int) and 10 <= period_s <= 86400:
            self._post_period_ms = period_s * 1000

    def _restart_when_due(self, now):
        if not self.ota.is_restart_due:
            return
        if self._restart_ms is None:
            print("station-app: restarting into the update")
            self._restart_ms = now
        elif time.ticks_diff(now, self._restart_ms) > RESTART_DELAY_MS:
            self.connection.close()
            machine.reset()
