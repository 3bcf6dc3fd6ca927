"""A label's code is read field by field, and the field that does not fit is named."""

from __future__ import annotations

import pytest

from station.errors import ScanRefused
from station.profile.model import Profile
from station.profile.schema import profile_schema
from station.profile.serial_number import SerialNumber
from station.serial_number import EntryWay, ScanRefusal, UnitLabel, lane_named
from tests.profile.test_schema import problems
from tests.profile.workplace import Workplace

LABEL = (
    "serial_number:\n  scan: before\n  separator: ';'\n  fields: {serial_number: 'SP[0-9]{8}', hardware: 'R[0-9]{2}'}\n"
)
TWO = SerialNumber.model_validate(
    {"scan": "before", "separator": ";", "fields": {"serial_number": "SP[0-9]{8}", "hardware": "R[0-9]{2}"}}
)
ONE = SerialNumber.model_validate({"scan": "after", "fields": {"serial_number": "SP[0-9]{8}"}})


def test_a_label_gives_its_serial_number_and_its_other_fields() -> None:
    assert TWO.read("SP00000312;R02", EntryWay.SCANNED) == UnitLabel(
        "SP00000312", EntryWay.SCANNED, {"hardware": "R02"}
    )
    assert ONE.read("SP00000312", EntryWay.TYPED) == UnitLabel("SP00000312", EntryWay.TYPED)


@pytest.mark.parametrize(
    ("rule", "code", "why", "told"),
    [
        (TWO, "SP0000031;R02", ScanRefusal.OTHER_TEXT, "'SP0000031' is no serial_number"),
        (TWO, "SP00000312;B02", ScanRefusal.OTHER_TEXT, "'B02' is no hardware"),
        (TWO, "SP00000312", ScanRefusal.OTHER_COUNT, "has 1 fields, the label has 2 (serial_number, hardware)"),
        (TWO, "SP00000312;R02;", ScanRefusal.OTHER_COUNT, "has 3 fields"),
        (ONE, "SP00000312;R02", ScanRefusal.OTHER_TEXT, "is no serial_number"),
        (ONE, "xSP00000312", ScanRefusal.OTHER_TEXT, "is no serial_number"),
        (ONE, "", ScanRefusal.OTHER_TEXT, "is no serial_number"),
    ],
)
def test_the_field_that_does_not_fit_is_named(rule: SerialNumber, code: str, why: ScanRefusal, told: str) -> None:
    with pytest.raises(ScanRefused) as refused:
        rule.read(code, EntryWay.SCANNED)

    assert refused.value.why is why
    assert told in refused.value.cause
    assert not rule.fits(code)


def test_nothing_invisible_and_nothing_endless_is_a_serial_number() -> None:
    anything = SerialNumber.model_validate({"scan": "after", "fields": {"serial_number": r"[\s\S]+"}})
    for code in ("SP\u202e01", "SP\x1b[2J", "9" * 65):
        with pytest.raises(ScanRefused):
            anything.read(code, EntryWay.SCANNED)


def test_a_profile_keeps_the_order_of_its_fields(workplace: Workplace) -> None:
    workplace.write(("baud:", f"{LABEL}baud:"))

    label = workplace.recipe().profile.serial_number

    assert label is not None
    assert list(label.fields) == ["serial_number", "hardware"]


def test_the_schema_describes_the_label() -> None:
    schema = profile_schema()
    section = schema["properties"]["serial_number"]

    wrong = {"scan": "later", "fields": {}, "pattern": "x"}
    good = {"scan": "after", "fields": {"serial_number": "SP[0-9]{8}"}, "separator": ";"}
    assert list(problems(good, section, schema)) == []
    assert list(problems(wrong, section, schema))
    assert Profile.model_fields["serial_number"].default is None


@pytest.mark.parametrize(("code", "lane"), [("LANE 3", 3), ("lane12", 12), ("LANE", None), ("LANE 3;", None)])
def test_a_lanes_barcode_names_the_lane(code: str, lane: int | None) -> None:
    assert lane_named(code) == lane
