"""Labels of units that passed, printed once more or at last, and shown as the printer would make them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from station.cli.context import Session, say, say_json
from station.cli.event_records import event_records
from station.cli.headless import print_text
from station.cli.printer_settings import chosen_printer
from station.cli.signing_in import signed_in
from station.errors import ProfileError, UsageError, Why
from station.events import LabelPrinted
from station.line.label_printing import LabelWork, label_values, order_label, print_at_once
from station.peripherals.label_drawing import draw_label
from station.peripherals.label_picture import label_in_terminal, write_picture
from station.peripherals.label_template import VALUES, LabelTemplate, read_template
from station.profile.firmware_files import PUT_BACK
from station.profile.model import Profile
from station.profile.reading import load_profile


def print_labels(
    session: Session,
    profile: Path,
    subjects: Sequence[str],
    missing: str | None,
    printer: str | None,
    operator: str | None,
) -> None:
    """Print those of the units that are named, and of `missing` (a batch) those that no printer took."""
    chosen = load_profile(profile)
    template, copies = _template(profile, chosen, as_locked=True)
    work = LabelWork(template, chosen.product_key, copies, chosen_printer(session, printer))
    with session.open_ledger() as ledger, signed_in(ledger, operator, may_ask=False) as name:
        named = [*subjects, *(ledger.printed_labels.missing(missing) if missing is not None else ())]
        orders = [order_label(ledger, chosen.product_key, subject) for subject in named]
        for order in orders:
            print_at_once(ledger, work, order, name)
            _tell(session, LabelPrinted(order.run.lane, order.run.id, order.mac, order.run.device_name))
    if not session.json and not orders:
        say(f"No label of {missing} is missing.")


def show_label(session: Session, profile: Path, subject: str | None, out: Path | None) -> None:
    """Show a label in the terminal, or as a picture in `out`; None: with made-up values."""
    chosen = load_profile(profile)
    template, _ = _template(profile, chosen, as_locked=False)
    if subject is None:
        made_up = {"product_key": chosen.product_key, "profile": chosen.name}
        zpl = template.fill({**VALUES, **made_up, "firmware_version": chosen.firmware.version})
    else:
        with session.open_ledger(read_only=True) as ledger:
            zpl = template.fill(label_values(order_label(ledger, chosen.product_key, subject)))
    drawing = draw_label(zpl)
    if out is not None:
        write_picture(drawing, out)
    if session.json:
        size = {"width_dots": drawing.width, "height_dots": drawing.height}
        say_json({"zpl": zpl, **size, "not_drawn": drawing.not_drawn, "out": out})
        return
    if out is None:
        for line in label_in_terminal(drawing, shutil.get_terminal_size().columns):
            say(line)
    say(f"{drawing.width}×{drawing.height} dots" + (f", written to {out}" if out else ""))
    if drawing.not_drawn:
        say(f"Printed, and not shown here: {', '.join(drawing.not_drawn)}")


def _template(path: Path, profile: Profile, *, as_locked: bool) -> tuple[LabelTemplate, int]:
    """Give the template that a profile names, and how many of each label it wants; UsageError, ProfileError.

    `as_locked`: not one that has changed since the profile was locked.
    """
    if profile.label is None:
        raise UsageError("The profile wants no label", "Add `label: {template: FILE.zpl}` to it", str(path))
    template = read_template(path.parent / profile.label.template)
    if as_locked and profile.label.sha256 not in {None, template.sha256}:
        name = profile.label.template
        cause = f"the label {name} has changed since the profile was locked"
        raise ProfileError(cause, PUT_BACK, str(path), why=Why.FILE_CHANGED, facts={"file": name})
    return template, profile.label.copies


def _tell(session: Session, printed: LabelPrinted) -> None:
    if session.json:
        for record in event_records(printed):
            say_json(record)
    else:
        say(print_text(printed))
