"""Each mistake in the YAML's keys and values is told with its line, its cause and its mend."""

from __future__ import annotations

import pytest

from tests.profile.workplace import Workplace

CASES = {
    "an unknown key tells the nearest right one": (
        ("flash_size: 4MB", "flash_sise: 4MB"),
        "flash_sise",
        "`flash_sise` is not known",
        "`flash_size`",
    ),
    "an unknown key inside a section tells the nearest one there": (
        ("within: 20s", "witin: 20s"),
        "witin",
        "`witin` is not known in `boot`",
        "`within`",
    ),
    "a key in the wrong section tells where it belongs": (
        ("baud: [921600, 115200]", "erase: [nvs]"),
        "\nerase"[1:],
        "`erase` is not known",
        "in `firmware`",
    ),
    "a missing key is told with an example": (("chip: esp32\n", ""), "schema", "`chip` is missing", "chip: esp32"),
    "another schema is refused": (("schema: 1", "schema: 2"), "schema: 2", "`schema` cannot be `2`", "1"),
    "a product key that the platform does not give": (
        ("a1B2c3D4e5F", "a1B2-c3D4"),
        "product_key",
        "ProductKey",
        "console",
    ),
    "a chip in esptool's other spelling": (("chip: esp32", "chip: ESP32-C3"), "chip:", "`ESP32-C3`", "`esp32c3`"),
    "a flash size without a unit": (("4MB", "4"), "flash_size", "`4` is no size of a flash chip", "4MB"),
    "a flash size that no chip has": (("4MB", "3MB"), "flash_size", "`3MB`", "1MB to 128MB"),
    "a baud rate that is a text": (("[921600, 115200]", "fast"), "baud", "`fast` is no baud rate", "921600"),
    "an unknown reset": (("baud:", "reset: manual\nbaud:"), "reset", "`manual`", "no-reset"),
    "an unknown start": (("baud:", "start: button\nbaud:"), "start: button", "`button`", "'auto' or 'key'"),
    "a backslash in a path": (("images/app.bin", r"images\app.bin"), r"images\app", "backslash", "images/app.bin"),
    "a place that is a fraction": (("at: 0x1000", "at: 1.5"), "at: 1.5", "no flash address", "0x1000"),
    "a hash that is none": (("at: factory", "at: factory, sha256: abc"), "sha256", "no SHA-256", "profile lock"),
    "a list where a mapping must be": (
        ("credentials: {preset: esp-aliyun}", "credentials: [esp-aliyun]"),
        "credentials",
        "`credentials` is a mapping",
        "{key: value}",
    ),
    "nothing behind a key": (
        ("name: smart-plug", "name:"),
        "name:",
        "`name` is a text, not nothing",
        "behind the colon",
    ),
    "an unknown preset": (("esp-aliyun", "aliyun"), "preset", "`aliyun`", "'esp-aliyun'"),
    "a bad regular expression tells where": (
        (r"'ready: \S+'", r"'ready: (\S+'"),
        "boot:",
        "unterminated subpattern at character 8",
        r"\(",
    ),
    "an expectation that any line meets": (("'online'", "'.*'"), "online:", "every unit would pass", "must hold"),
    "a time without a unit": (("within: 20s", "within: 20"), "boot:", "`20` is no length of time", "20s"),
    "a time of nothing": (("within: 20s", "within: 0s"), "boot:", "too short", "at most 60m"),
    "online by console without a line": (
        ("by: console, expect: 'online'", "by: console"),
        "online:",
        "which line",
        "expect:",
    ),
    "a pattern that is no pattern": (
        ("by: console, expect: 'online'", "by: platform, refused: 'refused ('"),
        "online:",
        "regular expression",
        "",
    ),
    "a value that does not fit its type": (
        ("u16: 1883", "u16: 65536"),
        "mqtt_port",
        "65536 does not fit u16",
        "larger",
    ),
    "a number without a type": (("{u16: 1883}", "1883"), "mqtt_port", "without an NVS type", "{u16: 1883}"),
    "an unknown type": (("u16: 1883", "u17: 1883"), "mqtt_port", "`u17` is no NVS type", "u16"),
    "a fraction as a value": (("{u16: 1883}", "1.5"), "mqtt_port", "cannot be stored", "quotes"),
    "a text where the type is a number": (("u16: 1883", "u16: many"), "mqtt_port", "whole number", "type"),
    "true or false as a value": (("cn-shanghai", "true"), "region", "cannot be stored in NVS", "quotes"),
    "a key over 15 characters": (
        ("mqtt_port:", "mqtt_broker_port:"),
        "mqtt_broker_port",
        "16 characters, at most 15",
        "1 to 15",
    ),
    "a namespace over 15 characters": (
        ("namespace: sdk", "namespace: configuration-of-sdk"),
        "namespace",
        "at most 15",
        "1 to 15",
    ),
    "credentials without preset or keys": (
        ("{preset: esp-aliyun}", "{partition: fctry, namespace: id}"),
        "credentials",
        "neither a preset nor `keys`",
        "preset: esp-aliyun",
    ),
    "a preset that needs a namespace": (
        ("preset: esp-aliyun", "preset: esp-mdf"),
        "credentials",
        "esp-mdf needs a namespace",
        "namespace:",
    ),
    "keys that do not store the secret": (
        ("{preset: esp-aliyun}", "{partition: fctry, namespace: id, keys: {Name: {from: device_name}}}"),
        "credentials",
        "stores the device_secret",
        "{from: device_secret}",
    ),
    "a key that comes from nowhere": (
        (
            "{preset: esp-aliyun}",
            "{partition: fctry, namespace: id, keys: {N: {from: device_name}, S: {from: device_secret}, X: {type: blob}}}",
        ),
        "credentials",
        "`X` must have one of `from` and `column`",
        "column: SN",
    ),
    "a value that the credentials store too": (
        ("namespace: sdk\n  values:", "namespace: aliyun-key\n  values:\n    DeviceName: me"),
        "DeviceName",
        "stored by the credentials too",
        "another namespace",
    ),
    "a missing batch CSV": (
        ("credentials:", "batch: {certificates: plugs.csv, quantity: 5}\ncredentials:"),
        "batch:",
        "`plugs.csv` is missing",
        "put the console's CSV there",
    ),
    "a quantity of nothing": (
        ("credentials:", "batch: {certificates: plug.yaml, quantity: 0}\ncredentials:"),
        "batch:",
        "`quantity` is too small",
        "1",
    ),
    "a label without a serial number": (
        ("baud:", "serial_number: {scan: before, fields: {serial: 'SP[0-9]{8}'}}\nbaud:"),
        "serial_number:",
        "no field of the label is the serial number",
        "here are: serial",
    ),
    "a label of two fields that nothing separates": (
        ("baud:", "serial_number: {scan: after, fields: {serial_number: 'SP[0-9]+', hardware: 'R[0-9]'}}\nbaud:"),
        "serial_number:",
        "2 fields, and nothing says where one ends",
        "separator: ';'",
    ),
    "a separator where there is one field": (
        ("baud:", "serial_number: {scan: after, separator: ';', fields: {serial_number: 'SP[0-9]+'}}\nbaud:"),
        "serial_number:",
        "no use for `separator`",
        "Remove it",
    ),
    "a separator that nobody sees": (
        ("baud:", 'serial_number: {scan: after, separator: "\\t", fields: {serial_number: x+}}\nbaud:'),
        "serial_number:",
        "cannot separate fields",
        "visible",
    ),
    "a label's field that takes nothing": (
        ("baud:", "serial_number:\n  scan: before\n  fields:\n    serial_number: '[0-9]*'\nbaud:"),
        "    serial_number:",
        "takes even an empty field",
        "must hold",
    ),
    "a label's field that is no regular expression": (
        ("baud:", "serial_number:\n  scan: before\n  fields:\n    serial_number: 'SP[0-9'\nbaud:"),
        "    serial_number:",
        "unterminated character set at character 3",
        "backslash",
    ),
    "a serial number that looks like a lane's barcode": (
        ("baud:", "serial_number:\n  scan: before\n  fields:\n    serial_number: '.+'\nbaud:"),
        "    serial_number:",
        "takes `LANE 1` too",
        "serial numbers only",
    ),
    "a field of the label with a strange name": (
        ("baud:", "serial_number:\n  scan: before\n  fields:\n    Serial-Number: 'SP[0-9]+'\nbaud:"),
        "Serial-Number",
        "cannot name a field",
        "small letter",
    ),
    "another time to scan": (
        ("baud:", "serial_number: {scan: later, fields: {serial_number: 'SP[0-9]+'}}\nbaud:"),
        "serial_number:",
        "`scan` cannot be `later`",
        "'before' or 'after'",
    ),
    "no images at all": (
        ("  images:", "  images: []\n  # images:"),
        "firmware:",
        "names no images",
        "idf_build",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_with_line_cause_and_mend(workplace: Workplace, case: str) -> None:
    """One mistake, one fault, at its line."""
    change, needle, cause, mend = CASES[case]
    if case == "no images at all":
        change = ("  images:\n" + _IMAGES, "")
    workplace.write(change)

    fault = workplace.only_fault()

    assert fault.file == str(workplace.path)
    assert fault.line == workplace.line(needle)
    assert cause in fault.cause
    assert mend in fault.mend
    assert not fault.cause.endswith(".")


_IMAGES = """\
    - {file: images/bootloader.bin, at: 0x1000}
    - {file: images/partition-table.bin, at: 0x8000}
    - {file: images/app.bin, at: factory}
"""


def test_online_by_platform_has_no_use_for_a_line(workplace: Workplace) -> None:
    """Told beside the fault that it is not there yet."""
    workplace.write(("by: console, expect: 'online'", "by: platform, expect: online"))

    causes = [fault.cause for fault in workplace.faults()]

    assert any("no use for `expect`" in cause for cause in causes)


def test_many_mistakes_are_told_in_one_go(workplace: Workplace) -> None:
    """A mistake in the text of a value hides neither the other values nor the files."""
    workplace.write(
        ("name: smart-plug", "nmae: smart-plug"),
        ("flash_size: 4MB", "flash_size: huge"),
        ("images/bootloader.bin", "images/no-such.bin"),
        ("at: 0x8000", "at: 0x8100"),
        ("erase: [nvs]", "erase: [nvs, otadata]"),
        ("u16: 1883", "u16: -1"),
        (r"ready: \S+", "ready: ["),
        ("by: console", "by: platform"),
    )

    faults = workplace.faults()
    told = [(fault.line, fault.cause) for fault in faults]

    for needle, cause in (
        ("nmae", "`nmae` is not known"),
        ("huge", "`huge`"),
        ("no-such", "missing"),
        ("0x8100", "not the start of a flash sector"),
        ("erase", "`otadata` is not in the partition table"),
        ("u16", "does not fit u16"),
        ("boot:", "no regular expression"),
        ("platform", "no use for `expect`"),
    ):
        assert any(line == workplace.line(needle) and cause in text for line, text in told), (needle, told)
    lines = [fault.line or 0 for fault in faults]
    assert lines == sorted(lines)


def test_one_bad_image_does_not_move_the_lines_of_the_next(workplace: Workplace) -> None:
    """The entry behind a bad one keeps its own line."""
    workplace.write(("at: 0x1000", "at: 1.5"), ("images/app.bin", "images/gone.bin"))

    faults = workplace.faults()

    assert [fault.line for fault in faults] == [workplace.line("at: 1.5"), workplace.line("gone.bin")]


def test_a_number_is_a_text_where_a_text_is_meant(workplace: Workplace) -> None:
    """Version 1.10 is not 1.1, and a product key may be all digits."""
    workplace.write(("version: 1.0.0", "version: 1.10"), ("a1B2c3D4e5F", "12345678901"), ("smart-plug", "007"))

    profile = workplace.recipe().profile

    assert (profile.firmware.version, profile.product_key, profile.name) == ("1.10", "12345678901", "007")


def test_the_faces_of_a_value_are_all_taken(workplace: Workplace) -> None:
    """One baud rate, a decimal address, a time in two units."""
    workplace.write(
        ("[921600, 115200]", "460800"), ("0x1000", "4096"), ("within: 20s", "within: 500ms"), ("mqtt_port", "no")
    )

    profile = workplace.recipe().profile

    assert profile.baud == (460800,)
    assert profile.firmware.images[0].at == 0x1000
    assert profile.checks.boot is not None
    assert profile.checks.online is not None
    assert (profile.checks.boot.within_s, profile.checks.online.within_s) == (0.5, 90.0)
    assert profile.sdk_config is not None
    assert "no" in profile.sdk_config.values


def test_defaults_stand_where_nothing_is_said(workplace: Workplace) -> None:
    """A learned baud rate, default-reset, auto start, 20 s to boot."""
    workplace.write(("baud: [921600, 115200]\n", ""), (", within: 20s", ""))

    profile = workplace.recipe().profile

    assert profile.baud is None
    assert (profile.reset, profile.start) == ("default-reset", "auto")
    assert profile.checks.boot is not None
    assert profile.checks.boot.within_s == 20.0
