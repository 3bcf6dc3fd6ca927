"""What two keys of a profile must agree on; no file but the profile itself is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from station.image.nvs_entry import NvsType
from station.profile.credentials import credential_map
from station.profile.faults import FaultList
from station.profile.model import CertificateField, CredentialPreset, OnlineBy, Profile
from station.profile.yaml_source import Place
from station.serial_number import SERIAL_NUMBER

_LANE_BARCODE: Final = "LANE 1"
IsSure = Callable[..., bool]
"""Says whether the value at a place is the file's own, and not left out after a mistake in it."""


def check_rules(profile: Profile, faults: FaultList, is_sure: IsSure) -> None:
    """Add every mistake that the model alone cannot see."""
    _check_firmware(profile, faults, is_sure)
    _check_credentials(profile, faults, is_sure)
    _check_sdk_config(profile, faults, is_sure)
    _check_online(profile, faults, is_sure)
    _check_partitions_once(profile, faults, is_sure)
    _check_serial_number(profile, faults, is_sure)


def _check_firmware(profile: Profile, faults: FaultList, is_sure: IsSure) -> None:
    firmware = profile.firmware
    if not is_sure("firmware", "images") or not is_sure("firmware", "idf_build"):
        return
    if not firmware.images and firmware.idf_build is None:
        faults.add(
            ("firmware",),
            "`firmware` names no images",
            "Add `images:` with file and address, or `idf_build:` with a folder",
        )
    if firmware.images and firmware.idf_build is not None:
        faults.add(("firmware", "idf_build"), "`firmware` has both `images` and `idf_build`", "Remove one of them")
    if firmware.sha256 and firmware.idf_build is None:
        faults.add(
            ("firmware", "sha256"),
            "`sha256` beside `images` says nothing",
            "Write `sha256` into each image; `station profile lock` does it",
        )


def _check_credentials(profile: Profile, faults: FaultList, is_sure: IsSure) -> None:
    credentials, place = profile.credentials, ("credentials",)
    if not is_sure("credentials"):
        return
    if credentials.preset is not None:
        if credentials.keys is not None:
            faults.add(
                (*place, "keys"), "`credentials` has both a preset and keys", "Remove `preset`, or remove `keys`"
            )
        if credentials.preset is CredentialPreset.ESP_MDF and credentials.namespace is None:
            faults.add(
                place, "the preset esp-mdf needs a namespace", "Add `namespace:` as the firmware's nvs_open names it"
            )
        return
    for key in ("partition", "namespace", "keys"):
        if not getattr(credentials, key):
            faults.add(
                place,
                f"`credentials` has neither a preset nor `{key}`",
                f"Write `preset: esp-aliyun`, or add `{key}:`",
            )
    for key, rule in (credentials.keys or {}).items():
        if (rule.source is None) == (rule.column is None):
            faults.add(
                (*place, "keys", key),
                f"the credentials key `{key}` must have one of `from` and `column`",
                f"Write {key}: {{from: device_name}}, or {key}: {{column: SN}}",
            )
    if credentials.keys:
        stored = {rule.source for rule in credentials.keys.values()}
        for needed in (CertificateField.DEVICE_NAME, CertificateField.DEVICE_SECRET):
            if needed not in stored:
                faults.add(
                    (*place, "keys"),
                    f"no credentials key stores the {needed}, so a unit could not be told from another",
                    f"Add a key with {{from: {needed}}}",
                )


def _check_sdk_config(profile: Profile, faults: FaultList, is_sure: IsSure) -> None:
    config = profile.sdk_config
    if config is None or not is_sure("credentials"):
        return
    place: Place = ("sdk_config", "values")
    if profile.credentials.preset is CredentialPreset.MICROPYTHON:
        for key, held in config.values.items():
            if held.type not in {NvsType.i32, NvsType.blob}:
                better = NvsType.i32 if held.type.is_integer else NvsType.blob
                faults.add(
                    (*place, key),
                    f"MicroPython's esp32.NVS cannot read `{key}`, which is a {held.type}",
                    f"Write {key}: {{{better}: …}}; it reads i32 and blob",
                )
    stored = credential_map(profile.credentials)
    if stored is None or (config.partition or stored.partition) != stored.partition:
        return
    if config.namespace == stored.namespace:
        for key, _ in stored.keys:
            if key in config.values:
                faults.add(
                    (*place, key),
                    f"`{key}` is stored by the credentials too, in the same namespace",
                    "Remove it, or use another namespace",
                )


def _check_online(profile: Profile, faults: FaultList, is_sure: IsSure) -> None:
    online, place = profile.checks.online, ("checks", "online")
    if online is None or not is_sure(*place):
        return
    if online.by is OnlineBy.CONSOLE and online.pattern is None:
        faults.add(
            place, "`online` by console does not say which line to wait for", "Add `expect: 'a regular expression'`"
        )
    if online.by is OnlineBy.PLATFORM and online.pattern is not None:
        faults.add(
            (*place, "expect"), "`online` by platform has no use for `expect`", "Remove it, or write `by: console`"
        )


def _check_serial_number(profile: Profile, faults: FaultList, is_sure: IsSure) -> None:
    label, place = profile.serial_number, ("serial_number",)
    if label is None or not is_sure(*place):
        return
    names = list(label.fields)
    if SERIAL_NUMBER not in names:
        faults.add(
            (*place, "fields"),
            "no field of the label is the serial number",
            f"Call one of them `{SERIAL_NUMBER}`; here are: {', '.join(names)}",
        )
    elif len(names) == 1 and label.fields[SERIAL_NUMBER].fullmatch(_LANE_BARCODE) is not None:
        faults.add(
            (*place, "fields", SERIAL_NUMBER),
            f"the serial number's expression takes `{_LANE_BARCODE}` too, the barcode that chooses a lane",
            "Write it so that it takes serial numbers only",
        )
    if len(names) > 1 and label.separator is None:
        faults.add(
            place,
            f"the label has {len(names)} fields, and nothing says where one ends",
            "Add `separator: ';'`, as the barcode has it",
        )
    if len(names) == 1 and label.separator is not None:
        faults.add(
            (*place, "separator"), "a label of one field has no use for `separator`", "Remove it, or name all fields"
        )


def _check_partitions_once(profile: Profile, faults: FaultList, is_sure: IsSure) -> None:
    """One partition has one content: refuse two keys that fill the same one."""
    before: dict[str, str] = {}
    for name, what, place in _fillings(profile):
        if not is_sure(*place):
            continue
        if name in before:
            faults.add(
                place,
                f"the partition `{name}` is named twice, by {before[name]} and by {what}",
                "Remove one of them, or name another partition",
            )
        before.setdefault(name, what)


def _fillings(profile: Profile) -> Iterator[tuple[str, str, Place]]:
    stored = credential_map(profile.credentials)
    if stored is not None:
        named = profile.credentials.partition is not None
        yield stored.partition, "`credentials`", ("credentials", "partition") if named else ("credentials",)
    config = profile.sdk_config
    if (
        config is not None
        and config.partition is not None
        and stored is not None
        and config.partition != stored.partition
    ):
        yield config.partition, "`sdk_config`", ("sdk_config", "partition")
    firmware = profile.firmware
    for index, image in enumerate(firmware.images):
        if isinstance(image.at, str):
            yield image.at, f"`{image.file}`", ("firmware", "images", index, "at")
    if firmware.filesystem is not None:
        yield firmware.filesystem.partition, "`filesystem`", ("firmware", "filesystem", "partition")
    for index, name in enumerate(firmware.erase):
        yield name, "`erase`", ("firmware", "erase", index)
