"""Thing model, shadow, sub-devices, remote config, time, download: each alone against the fake platform."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import pytest

from tests.firmware.board import TICKS_PERIOD, Board
from tests.firmware.fake_platform import DEVICE_NAME, PRODUCT_KEY, SUB_DEVICE, signature_of

NAMES: Final = (PRODUCT_KEY, DEVICE_NAME)
OWN: Final = f"{PRODUCT_KEY}/{DEVICE_NAME}"
SHADOW_UP: Final = f"/shadow/update/{OWN}"
SHADOW_DOWN: Final = f"/shadow/get/{OWN}"


class Bench:
    """A connected board with the parts under test."""

    def __init__(self) -> None:
        self.board = Board()
        self.platform = self.board.platform
        self.connection = self.board.connected()
        self.alink = self.board.load("aliyun.alink").Alink(self.connection, self.board.clock)

    def make(self, module: str, name: str, *arguments: Any) -> Any:
        return getattr(self.board.load(f"aliyun.{module}"), name)(*arguments)

    def answer(self, topic: str, code: int = 200, data: Any = None) -> None:
        self.platform.replies[topic] = lambda _body: {"code": code, "data": data or {}}


# Thing model


def test_a_post_tells_its_answer_and_a_late_one_that_there_is_none() -> None:
    bench = Bench()
    thing = bench.make("thing", "Thing", bench.alink, *NAMES)
    codes: list[int | None] = []
    topic = f"/sys/{OWN}/thing/event/property/post"
    bench.answer(topic)
    thing.post({"Level": 1.0}, lambda code, _data: codes.append(code))
    bench.connection.poll()
    del bench.platform.replies[topic]
    thing.post({"Level": 2.5}, lambda code, _data: codes.append(code))
    bench.board.clock.now_ms += 31_000
    bench.alink.poll()
    assert codes == [200, None]
    first, second = bench.platform.bodies(topic)
    assert (first["method"], first["version"]) == ("thing.event.property.post", "1.0")
    assert first["id"] != second["id"]


def test_an_event_has_its_own_topic_and_method() -> None:
    bench = Bench()
    bench.make("thing", "Thing", bench.alink, *NAMES).post_event("Overheated", {"Degrees": 90.0})
    (body,) = bench.platform.bodies(f"/sys/{OWN}/thing/event/Overheated/post")
    assert (body["method"], body["params"]) == ("thing.event.Overheated.post", {"Degrees": 90.0})


@pytest.mark.parametrize(
    ("fault", "code"), [(ValueError, 460), (KeyError, 460), (RuntimeError, 500), (ZeroDivisionError, 500)]
)
def test_a_service_that_fails_answers_with_a_code(fault: type[Exception], code: int) -> None:
    bench = Bench()

    def fall(_values: object) -> None:
        raise fault

    bench.make("thing", "Thing", bench.alink, *NAMES).on_service("Blink", fall)
    bench.platform.push(f"/sys/{OWN}/thing/service/Blink", {"id": "77", "params": {}})
    bench.connection.poll()
    (reply,) = bench.platform.bodies(f"/sys/{OWN}/thing/service/Blink_reply")
    assert (reply["id"], reply["code"]) == ("77", code)


def test_a_call_whose_caller_waits_is_answered_under_its_number() -> None:
    bench = Bench()
    thing = bench.make("thing", "Thing", bench.alink, *NAMES)
    thing.on_service("Double", lambda values: {"Value": 2 * values["Value"]})
    thing.on_service("Blink", lambda _values: None)
    request = {"id": "8", "method": "thing.service.Double", "params": {"Value": 21}}
    bench.platform.push(f"/sys/{OWN}/rrpc/request/4711", request)
    bench.platform.push(f"/sys/{OWN}/rrpc/request/4712", {**request, "method": "thing.service.Unknown"})
    bench.connection.poll()
    bench.connection.poll()
    (reply,) = bench.platform.bodies(f"/sys/{OWN}/rrpc/response/4711")
    assert (reply["id"], reply["code"], reply["data"]) == ("8", 200, {"Value": 42})
    assert bench.platform.bodies(f"/sys/{OWN}/rrpc/response/4712") == []


def test_requests_that_nobody_answers_do_not_fill_the_memory() -> None:
    bench = Bench()
    thing = bench.make("thing", "Thing", bench.alink, *NAMES)
    codes: list[int | None] = []
    for _ in range(50):
        thing.post({"A": 1}, lambda code, _data: codes.append(code))
    assert codes == [None] * 34


# Shadow


def test_each_update_raises_the_version_by_one() -> None:
    bench = Bench()
    shadow = bench.make("shadow", "Shadow", bench.connection, *NAMES)
    for version in (1, 2, 3):
        shadow.update({"Level": version})
        bench.platform.push(SHADOW_DOWN, {"method": "reply", "payload": {"status": "success", "version": version}})
        bench.connection.poll()
    assert [body["version"] for body in bench.platform.bodies(SHADOW_UP)] == [1, 2, 3]
    assert shadow.version == 3


def test_an_update_of_an_old_version_fetches_the_state_and_is_tried_once_more() -> None:
    bench = Bench()
    shadow = bench.make("shadow", "Shadow", bench.connection, *NAMES)
    shadow.update({"Level": 5})
    conflict = {"status": "error", "content": {"errorcode": "409", "errormessage": "version conflict"}}
    bench.platform.push(SHADOW_DOWN, {"method": "reply", "payload": conflict})
    bench.connection.poll()
    state = {"reported": {"Level": 1}, "desired": {}}
    bench.platform.push(
        SHADOW_DOWN, {"method": "reply", "payload": {"status": "success", "state": state}, "version": 41}
    )
    bench.connection.poll()
    bench.platform.push(SHADOW_DOWN, {"method": "reply", "payload": conflict})
    bench.connection.poll()
    sent = bench.platform.bodies(SHADOW_UP)
    assert [(body["method"], body.get("version")) for body in sent] == [("update", 1), ("get", None), ("update", 42)]
    assert shadow.last_error == "409"


def test_desired_values_come_once_and_never_from_an_older_version() -> None:
    bench = Bench()
    shadow = bench.make("shadow", "Shadow", bench.connection, *NAMES)
    heard: list[Any] = []
    shadow.on_desired = heard.append
    for version, level in ((7, "new"), (6, "old"), (7, "again"), (8, "newer")):
        payload = {"status": "success", "state": {"desired": {"Level": level}}}
        bench.platform.push(SHADOW_DOWN, {"method": "control", "payload": payload, "version": version})
        bench.connection.poll()
    assert heard == [{"Level": "new"}, {"Level": "newer"}]


def test_deleting_and_clearing_use_the_platforms_null() -> None:
    bench = Bench()
    shadow = bench.make("shadow", "Shadow", bench.connection, *NAMES)
    shadow.delete(["Level"])
    shadow.delete()
    shadow.update({"Level": 1}, True)
    states = [body["state"] for body in bench.platform.bodies(SHADOW_UP)]
    assert states == [
        {"reported": {"Level": "null"}},
        {"reported": "null"},
        {"reported": {"Level": 1}, "desired": "null"},
    ]


# Sub-devices


def sub_device(bench: Bench) -> Any:
    return bench.make("credentials", "Certificate", *SUB_DEVICE)


def test_a_sub_device_signs_with_its_own_secret() -> None:
    bench = Bench()
    gateway = bench.make("gateway", "Gateway", bench.connection, bench.alink, *NAMES)
    gateway.add(sub_device(bench))
    gateway.login(sub_device(bench))
    (added,) = bench.platform.bodies(f"/sys/{OWN}/thing/topo/add")
    (login,) = bench.platform.bodies(f"/ext/session/{OWN}/combine/login")
    for params, method in ((added["params"][0], "signmethod"), (login["params"], "signMethod")):
        signed = {name: params[name] for name in ("clientId", "deviceName", "productKey", "timestamp")}
        assert params["sign"] == signature_of(SUB_DEVICE[2], **signed)
        assert params[method] == "hmacSha256"
    assert SUB_DEVICE[2] not in json.dumps([added, login])


def test_sub_devices_are_logged_in_again_after_a_reconnect_but_not_after_a_logout() -> None:
    bench = Bench()
    gateway = bench.make("gateway", "Gateway", bench.connection, bench.alink, *NAMES)
    topic = f"/ext/session/{OWN}/combine/login"
    bench.answer(topic)
    gateway.login(sub_device(bench))
    bench.connection.poll()
    assert gateway.online == {SUB_DEVICE[:2]}
    bench.platform.hang_up()
    bench.connection.poll()
    assert gateway.online == set()
    bench.board.clock.now_ms += 10_000
    bench.connection.poll()
    bench.connection.poll()
    assert gateway.online == {SUB_DEVICE[:2]}
    gateway.logout(*SUB_DEVICE[:2])
    bench.platform.hang_up()
    bench.connection.poll()
    bench.board.clock.now_ms += 10_000
    bench.connection.poll()
    assert len(bench.platform.bodies(topic)) == 2


def test_a_refused_login_leaves_the_sub_device_offline() -> None:
    bench = Bench()
    gateway = bench.make("gateway", "Gateway", bench.connection, bench.alink, *NAMES)
    bench.answer(f"/ext/session/{OWN}/combine/login", 6204)
    gateway.login(sub_device(bench))
    bench.connection.poll()
    assert gateway.online == set()


def test_the_topology_is_listed_and_a_sub_device_taken_out_of_it() -> None:
    bench = Bench()
    gateway = bench.make("gateway", "Gateway", bench.connection, bench.alink, *NAMES)
    listed = [{"productKey": SUB_DEVICE[0], "deviceName": SUB_DEVICE[1]}]
    bench.answer(f"/sys/{OWN}/thing/topo/get", data=listed)
    answers: list[Any] = []
    gateway.get(lambda code, data: answers.append((code, data)))
    bench.connection.poll()
    assert answers == [(200, {"value": listed})]
    gateway.delete(*SUB_DEVICE[:2])
    assert bench.platform.bodies(f"/sys/{OWN}/thing/topo/delete")[0]["params"] == listed


# Remote config


CONFIG: Final = json.dumps({"PostPeriod": 60}).encode()


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, [{"PostPeriod": 60}]),
        ({"sign": "00"}, []),
        ({"configSize": 20_000}, []),
        ({"configSize": len(CONFIG) + 1}, []),
        ({"signMethod": "Md5"}, []),
        ({"url": 7}, []),
    ],
)
def test_a_pushed_config_is_taken_when_its_hash_is_right(changes: dict[str, Any], taken: list[Any]) -> None:
    bench = Bench()
    bench.board.web.files["/config"] = CONFIG
    heard: list[Any] = []
    remote = bench.make("remote_config", "RemoteConfig", bench.alink, *NAMES, heard.append)
    params = {
        "configId": "c1",
        "configSize": len(CONFIG),
        "sign": hashlib.sha256(CONFIG).hexdigest(),
        "signMethod": "Sha256",
        "url": "http://files.example/config",
    }
    for _ in range(2):
        bench.platform.push(f"/sys/{OWN}/thing/config/push", {"id": "1", "params": params | changes})
        bench.connection.poll()
        remote.poll()
    assert heard == taken


# Time


def test_the_time_is_the_platforms_plus_half_the_way_and_goes_on_over_weeks() -> None:
    bench = Bench()
    clock = bench.make("clock", "Clock", bench.connection, *NAMES, bench.board.clock)
    topic = f"/ext/ntp/{OWN}/response"
    assert clock.now_ms() is None
    clock.ask()
    (asked,) = bench.platform.bodies(f"/ext/ntp/{OWN}/request")
    bench.board.clock.now_ms += 300
    bench.platform.push(topic, asked | {"serverRecvTime": "1700000000000", "serverSendTime": "1700000000100"})
    bench.connection.poll()
    assert clock.now_ms() == 1700000000200
    for _ in range(30):
        bench.board.clock.now_ms += TICKS_PERIOD // 4
        clock.poll()
    assert clock.now_ms() == 1700000000200 + 30 * (TICKS_PERIOD // 4)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"serverRecvTime": "x", "serverSendTime": "y"},
        {"serverRecvTime": "5", "serverSendTime": "6"},
        {"deviceSendTime": "other", "serverRecvTime": "1700000000000", "serverSendTime": "1700000000001"},
    ],
)
def test_an_answer_that_cannot_be_right_sets_no_time(answer: dict[str, str]) -> None:
    bench = Bench()
    clock = bench.make("clock", "Clock", bench.connection, *NAMES, bench.board.clock)
    clock.ask()
    (asked,) = bench.platform.bodies(f"/ext/ntp/{OWN}/request")
    bench.platform.push(f"/ext/ntp/{OWN}/response", asked | answer)
    bench.connection.poll()
    assert clock.now_ms() is None


# Download


def fetch(board: Board, url: str, size_bytes: int) -> bytes:
    download = board.load("aliyun.download").Download(url, size_bytes)
    data, buffer = b"", bytearray(100)
    while count := download.read_into(buffer):
        data += buffer[:count]
    download.close()
    return data


def test_a_download_follows_a_redirect_and_survives_breaks() -> None:
    board = Board()
    content = bytes(range(256)) * 10
    board.web.files["/real"] = content
    board.web.redirects["/moved"] = "http://other.example:81/real"
    board.web.cuts = [1000, 5]
    assert fetch(board, "http://files.example/moved", len(content)) == content
    assert board.web.requests == [("/moved", 0), ("/real", 0), ("/real", 1000), ("/real", 1005)]


@pytest.mark.parametrize("url", ["http://", "files.example/x", "http://host:port/x", "file:///etc/passwd", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(Exception, match="URL"):
        fetch(Board(), url, 10)


def test_a_server_that_breaks_for_ever_is_given_up() -> None:
    board = Board()
    board.web.files["/x"] = b"y" * 1000
    board.web.cuts = [1] * 50
    with pytest.raises(Exception, match="after 6 bytes"):
        fetch(board, "http://files.example/x", 1000)
