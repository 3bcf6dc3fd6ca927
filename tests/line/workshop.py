"""A desk that walks units, and a print desk that prints their labels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from station.events import Event, LabelPrinted, VerdictReached
from station.line.label_printing import LabelWork
from station.line.print_desk import PrintDesk
from station.peripherals.label_printer import open_printer
from station.peripherals.label_template import read_template
from station.unit import Mac
from station.verdict import Verdict
from tests.line.conftest import Desk
from tests.line.fake_chip import FakeChip, FakeUnit

TEMPLATE: Final = "^XA^FO1,1^FD${mac_plain} ${device_name} ${firmware_version}^FS^XZ"
WAIT_S: Final = 10.0


@dataclass
class Workshop:
    """A desk that walks units, and a print desk that hears it."""

    desk: Desk
    prints: PrintDesk
    told: list[LabelPrinted]
    changed: threading.Condition
    verdicts: list[VerdictReached] = field(default_factory=list)

    def walk(self, mac: Mac, says: tuple[str, ...] | None = None) -> Verdict:
        """Walk a unit, as a lane does it."""
        unit = FakeUnit(mac) if says is None else FakeUnit(mac, says=says)
        done = self.desk.walk(FakeChip(unit))
        self.verdicts.append(done)
        self.prints.hear(done)
        return done.verdict

    def wait(self, count: int) -> list[tuple[str, str | None]]:
        """Give which labels were told, with their codes, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.told) >= count, WAIT_S)
            return [(printed.mac, printed.code) for printed in self.told]

    def kinds(self, mac: Mac) -> list[str]:
        return [event.kind for event in self.desk.ledger.unit(mac).events if event.kind.startswith("label")]


@contextmanager
def workshops(desk: Desk, folder: Path) -> Iterator[Callable[..., Workshop]]:
    """Give what makes a desk's workshop with a printer at an address; in the end their print desks are closed."""
    (folder / "label.zpl").write_text(TEMPLATE, encoding="utf-8")
    template = read_template(folder / "label.zpl")
    opened: list[PrintDesk] = []

    def at(address: str, copies: int = 1) -> Workshop:
        told: list[LabelPrinted] = []
        changed = threading.Condition()

        def tell(event: Event) -> None:
            assert isinstance(event, LabelPrinted)
            with changed:
                told.append(event)
                changed.notify_all()

        work = LabelWork(template, desk.recipe.profile.product_key, copies, open_printer(address, folder))
        prints = PrintDesk(desk.ledger, work, lambda: "Li W.", tell)
        prints.start()
        opened.append(prints)
        return Workshop(desk, prints, told, changed)

    try:
        yield at
    finally:
        for prints in opened:
            prints.close(WAIT_S)
