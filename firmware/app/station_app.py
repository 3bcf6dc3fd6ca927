# ruff: noqa: T201  # the console is this program's screen
"""The device application: says who it is on the console, then goes online."""

import credentials
import link
import sdk_config

NAME = "station-app"
VERSION = "0.1.0"


def run():
    """Walk from the NVS to the network; each outcome is one line on the console, none holds the secret."""
    try:
        certificate = credentials.read()
    except credentials.NoCertificate as fault:
        print(f"station-app: no certificate ({fault})")
        return
    config = sdk_config.read()
    print(f"station-app ready: {NAME} {VERSION} device={certificate.device_name}")
    if link.go_online(config):
        print("station-app online")
    else:
        print("station-app: no network")
