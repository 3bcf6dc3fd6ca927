"""The sender's thread: lanes do not wait for it, it lets a broken system rest, and it ends when it is told to."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from station.errors import UsageError
from station.ledger import Ledger
from station.results.channel import open_channel
from station.results.delivery import Answer, FolderDelivery
from station.results.sender import ResultSender, sending_alone
from station.results.settings import ChannelSettings
from tests.results.conftest import Opened, run_unit
from tests.results.http_double import HANG, OtherSystem


def senders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "results"]


def test_while_the_system_hangs_units_are_recorded_and_the_end_does_not_wait_for_it(
    ledger: Ledger, mes: OtherSystem, opened: Opened, tmp_path: Path
) -> None:
    mes.answers = [HANG]
    sender = ResultSender([opened(timeout_s=300)], tmp_path, poll_s=0.01)
    sender.start()
    run_unit(ledger, 1)
    mes.wait(1)

    runs = [run_unit(ledger, unit) for unit in range(2, 7)]
    assert len(mes.taken) == 1
    sender.close(last_round_s=0.05)
    assert senders() == []
    assert [one.run.id for one in ledger.results.waiting("mes", 10)][1:] == runs
    assert opened().send_waiting().delivered == 6
    assert mes.keys[0] == mes.keys[1]


class HangingShare(FolderDelivery):
    """A folder whose server does not answer before `is_back`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_asked, self.is_back = threading.Event(), threading.Event()

    def deliver(self, name: str, document: bytes, key: UUID) -> Answer:
        self.is_asked.set()
        self.is_back.wait(20)
        return super().deliver(name, document, key)


def test_a_share_that_hangs_keeps_no_other_channel_back_and_gets_each_result_once(
    ledger: Ledger, mes: OtherSystem, opened: Opened, tmp_path: Path
) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    share = open_channel("share", ChannelSettings(folder=str(folder)), ledger.results)
    share.delivery = hanging = HangingShare(folder)
    sender = ResultSender([share, opened()], tmp_path, poll_s=0.01)
    run_unit(ledger, 1)
    sender.start()
    assert hanging.is_asked.wait(20)
    for unit in (2, 3):
        run_unit(ledger, unit)
    mes.wait(3)
    assert list(folder.iterdir()) == []

    hanging.is_back.set()
    sender.close(last_round_s=20)
    assert len(list(folder.iterdir())) == len(mes.taken) == 3
    assert senders() == []


def test_what_is_recorded_last_is_told_before_the_end(
    ledger: Ledger, mes: OtherSystem, opened: Opened, tmp_path: Path
) -> None:
    sender = ResultSender([opened()], tmp_path, poll_s=60)
    sender.start()
    run_unit(ledger, 1)
    sender.close()

    assert len(mes.taken) == 1
    assert senders() == []


def test_a_broken_system_is_asked_ever_more_rarely_and_at_once_again_when_it_works(
    ledger: Ledger, mes: OtherSystem, opened: Opened, tmp_path: Path
) -> None:
    mes.answers = [503] * 12
    now, asked = [0.0], []
    channel = opened()
    sender = ResultSender([channel], tmp_path, first_wait_s=2.0, clock=lambda: now[0])
    run_unit(ledger, 1)
    while len(mes.taken) < 13:
        before = len(mes.taken)
        sender._round(channel)
        if len(mes.taken) > before:
            asked.append(now[0])
        now[0] += 1.0

    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]
    run_unit(ledger, 2)
    sender._round(channel)
    assert len(mes.taken) == 14


def test_one_process_of_a_data_folder_sends(ledger: Ledger, mes: OtherSystem, opened: Opened, tmp_path: Path) -> None:
    first = ResultSender([opened()], tmp_path, poll_s=0.01)
    first.start()
    run_unit(ledger, 1)
    mes.wait(1)
    with pytest.raises(UsageError, match="Another process"), sending_alone(tmp_path):
        pass
    first.close()

    with sending_alone(tmp_path):
        second = ResultSender([opened()], tmp_path, poll_s=0.01)
        second.start()
        run_unit(ledger, 2)
    mes.wait(2)
    second.close()
