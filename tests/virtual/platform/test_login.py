"""Who is let in, and with which code the others are refused."""

from __future__ import annotations

import socket
import ssl

import pytest

from station.virtual.platform.device import DeviceState
from tests.virtual.platform.conftest import BARE, Site
from tests.virtual.platform.mqtt_client import Certificate, Device, RawClient, connect_packet

GOOD = "securemode=3,signmethod=hmacsha256,timestamp=2524608000000"


def code(site: Site, client_id: str, user: str | None, password: str | None, keepalive_s: int = 60) -> int:
    with RawClient(site.platform.mqtt_port) as client:
        client.send(connect_packet(client_id, user, password, keepalive_s=keepalive_s))
        answer = client.read(4)
        if answer[3]:
            assert client.is_closed()
        return answer[3]


@pytest.mark.parametrize("is_tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("method", ["hmacsha256", "hmacsha1", "hmacmd5"])
@pytest.mark.parametrize("timestamp", ["1700000000", None], ids=["timestamp", "no timestamp"])
def test_a_device_with_its_signature_is_let_in(site: Site, is_tls: bool, method: str, timestamp: str | None) -> None:
    certificate = site.device()
    with Device(site.platform, certificate, method=method, timestamp=timestamp, is_tls=is_tls, is_upper=is_tls):
        assert site.state(certificate) is DeviceState.ONLINE


def test_options_that_the_platform_does_not_know_are_allowed(site: Site) -> None:
    with Device(site.platform, site.device(), more_options=",ext=1,_ss=1,lan=Python,_v=1.2.13"):
        pass


def test_a_client_that_does_not_know_the_root_ends_the_handshake(site: Site) -> None:
    stranger = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", site.platform.tls_port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        stranger.wrap_socket(plain, server_hostname="127.0.0.1")


def test_the_first_connection_activates_with_its_time(site: Site) -> None:
    certificate, platform = site.device(), site.platform
    assert site.state(certificate) is DeviceState.UNACTIVE
    assert platform.device(BARE, certificate.device_name).activated_at is None
    with Device(platform, certificate):
        first = platform.device(BARE, certificate.device_name)
        happened = site.wait("online", certificate, is_first=True)
        assert first.activated_at == first.online_at == pytest.approx(happened.at, abs=1)
    site.wait("offline", certificate, reason="the client disconnected")
    assert site.state(certificate) is DeviceState.OFFLINE
    with Device(platform, certificate):
        again = platform.device(BARE, certificate.device_name)
    assert again.activated_at == first.activated_at
    assert again.online_at is not None
    assert again.online_at > (first.online_at or 0)


@pytest.mark.parametrize(
    ("client_id", "keepalive_s", "expected"),
    [
        (f"c|{GOOD}|", 60, 0),
        (f"c|{GOOD}|", 30, 0),
        (f"c|{GOOD}|", 1200, 0),
        (f"c|{GOOD}|", 29, 2),
        (f"c|{GOOD}|", 1201, 2),
        (f"c|{GOOD}|", 0, 2),
        ("c", 60, 2),
        (f"c|{GOOD}", 60, 2),
        (f"|{GOOD}|", 60, 2),
        (f"{'c' * 65}|{GOOD}|", 60, 2),
        ("c|securemode=3,signmethod=hmacsha256,timestamp|", 60, 2),
        ("c|securemode=3,signmethod=sha256,timestamp=2524608000000|", 60, 2),
        ("c|signmethod=hmacsha256,timestamp=2524608000000|", 60, 2),
        ("c|securemode=2,signmethod=hmacsha256,timestamp=2524608000000|", 60, 2),
        ("c|securemode=3,signmethod=hmacsha1,timestamp=2524608000000|", 60, 4),
        ("c|securemode=3,signmethod=hmacsha256,timestamp=2524608000001|", 60, 4),
        ("c|securemode=3,signmethod=hmacsha256|", 60, 4),
        (f"d|{GOOD}|", 60, 4),
    ],
)
def test_the_client_id_and_the_keepalive_are_judged(
    site: Site, client_id: str, keepalive_s: int, expected: int
) -> None:
    certificate = site.device()
    assert code(site, client_id, certificate.username, certificate.password("c"), keepalive_s) == expected
    assert (site.state(certificate) is DeviceState.UNACTIVE) == bool(expected)


def test_a_tls_client_may_not_say_that_it_is_plain(site: Site) -> None:
    certificate = site.device()
    device = Device(site.platform, certificate, is_tls=True, more_options=",securemode=3")
    assert device.connect() == 2
    assert site.state(certificate) is DeviceState.UNACTIVE


def test_user_names_and_passwords_of_another_form_are_refused_as_such(site: Site) -> None:
    certificate = site.device()
    password = certificate.password("c")
    client_id = f"c|{GOOD}|"
    for user in (None, "", certificate.device_name, f"&{BARE}", f"{certificate.username}&x"):
        assert code(site, client_id, user, None if user is None else password) == 4
    for wrong in (None, "", "密码", password[:-1]):
        assert code(site, client_id, certificate.username, wrong) == 4


def test_a_wrong_secret_is_refused_and_leaves_the_good_connection_alone(site: Site) -> None:
    certificate = site.device()
    wrong = certificate.secret[:-1] + ("0" if certificate.secret[-1] != "0" else "1")
    with Device(site.platform, certificate) as good:
        thief = Device(site.platform, Certificate(BARE, certificate.device_name, wrong))
        assert thief.connect() == 4
        site.wait("refused", certificate, code=4)
        assert not good.gone.is_set()
        assert site.state(certificate) is DeviceState.ONLINE
    site.wait("offline", certificate)
    assert site.kinds(certificate) == ["online", "refused", "offline"]


def test_another_devices_secret_does_not_open_this_one(site: Site) -> None:
    mine, other = site.device(), site.device()
    assert Device(site.platform, Certificate(BARE, mine.device_name, other.secret)).connect() == 4


def test_a_device_or_product_that_is_not_there_is_not_authorised(site: Site) -> None:
    assert Device(site.platform, Certificate(BARE, "nobody", "0" * 32)).connect() == 5
    assert Device(site.platform, Certificate("a1NoProduct", "nobody", "0" * 32)).connect() == 5


def test_a_deleted_device_is_cut_off_and_stays_out(site: Site) -> None:
    certificate = site.device()
    with Device(site.platform, certificate) as device:
        site.platform.delete(BARE, certificate.device_name)
        assert device.gone.wait(5)
    assert Device(site.platform, certificate).connect() == 5
    assert site.kinds(certificate) == ["online", "offline", "refused"]


def test_a_disabled_device_is_cut_off_until_it_is_enabled(site: Site) -> None:
    certificate = site.device()
    with Device(site.platform, certificate) as device:
        site.platform.disable(BARE, certificate.device_name)
        assert device.gone.wait(5)
    assert site.state(certificate) is DeviceState.DISABLE
    assert Device(site.platform, certificate).connect() == 5
    site.platform.enable(BARE, certificate.device_name)
    assert site.state(certificate) is DeviceState.OFFLINE
    with Device(site.platform, certificate):
        assert site.state(certificate) is DeviceState.ONLINE
