"""The profile: what a unit of one product gets and how it is checked (DESIGN §6). The model is the contract of the YAML.

Descriptions stand in the JSON Schema that `station profile schema` prints, so that an editor shows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from station.certificate import product_key_fault
from station.image.nvs_entry import NvsType, nvs_key_fault, nvs_value_fault
from station.profile import quantities
from station.profile.label import Label
from station.profile.part import FileName, Sha256
from station.profile.part import Part as _Part
from station.profile.quantities import as_written, plain_int, refusal, shown
from station.profile.security import Security
from station.profile.serial_number import SerialNumber
from station.unit import CHIPS

_BAUD: Final = range(9600, 6_000_001)
_INTEGER_TYPES: Final = tuple(str(kind) for kind in NvsType if kind.is_integer)


def _read_text(value: Any) -> Any:
    text = as_written(value)
    if isinstance(text, str) and (not text.strip() or not text.isprintable()):
        raise refusal(f"{shown(text)} is no text", "Write a text in one line")
    return text


def _read_product_key(value: Any) -> Any:
    text = as_written(value)
    if isinstance(text, str) and (fault := product_key_fault(text)) is not None:
        raise refusal(fault, "Copy it from the product's page of the platform's console")
    return text


def _read_nvs_key(value: Any) -> Any:
    text = as_written(value)
    if isinstance(text, str) and (fault := nvs_key_fault(text)) is not None:
        raise refusal(fault, "Use 1 to 15 letters, digits or signs, as the firmware reads it")
    return text


def _read_chip(value: Any) -> Any:
    if isinstance(value, str) and value not in CHIPS:
        plain = re.sub(r"[^a-z0-9]", "", value.lower())
        mend = f"Write `{plain}`" if plain in CHIPS else f"Write esptool's name: {', '.join(CHIPS)}"
        raise refusal(f"`chip` {shown(value)} is not known", mend)
    return value


def _read_baud(value: Any) -> tuple[int, ...]:
    speeds = value if isinstance(value, list | tuple) else [value]
    for speed in speeds:
        if isinstance(speed, bool) or not isinstance(speed, int) or int(speed) not in _BAUD:
            raise refusal(f"{shown(speed)} is no baud rate", "Write 921600, or a list: [921600, 460800, 115200]")
    if not speeds:
        raise refusal("`baud` is empty", "Write 921600, or a list: [921600, 460800, 115200]")
    return tuple(dict.fromkeys(int(speed) for speed in speeds))


def _frozen_map(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


Text = Annotated[str, BeforeValidator(_read_text)]
NvsKey = Annotated[str, BeforeValidator(_read_nvs_key), Field(max_length=15)]
PartitionName = Annotated[
    str, PlainValidator(quantities.read_partition_name), WithJsonSchema({"type": "string", "maxLength": 16})
]
DurationS = Annotated[
    float,
    PlainValidator(quantities.read_duration),
    WithJsonSchema({"type": "string", "pattern": r"^([0-9]+m)?([0-9]+(\.[0-9]+)?s)?([0-9]+ms)?$", "minLength": 2}),
]
Expectation = Annotated[
    re.Pattern[str],
    PlainValidator(quantities.read_pattern),
    WithJsonSchema({"type": "string", "format": "regex", "minLength": 1}),
]


class ResetWay(StrEnum):
    """How the station gets the chip into download mode; esptool's words."""

    DEFAULT_RESET = "default-reset"
    """DTR and RTS work EN and BOOT through the adapter."""
    USB_RESET = "usb-reset"
    """The chip's own USB-Serial/JTAG."""
    NO_RESET = "no-reset"
    """The technician holds BOOT and presses EN."""


class StartWay(StrEnum):
    """What starts the next unit."""

    AUTO = "auto"
    KEY = "key"


class Image(_Part):
    """One file of the firmware and its place in flash."""

    file: FileName
    """The .bin file, relative to this profile."""
    at: Annotated[
        int | str,
        PlainValidator(quantities.read_place),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "integer", "minimum": 0},
                    {"type": "string", "pattern": "^(0x[0-9a-fA-F]+|[!-~]{1,16})$"},
                ]
            }
        ),
    ]
    """A flash address such as 0x1000, or the name of a partition."""
    sha256: Sha256 | None = None
    """SHA-256 of the file; written by `station profile lock`. A run refuses a file that has another."""


class Filesystem(_Part):
    """A folder that becomes the filesystem of a partition."""

    partition: PartitionName
    """The partition's name, `vfs` in MicroPython's tables."""
    folder: FileName = Field(alias="from")
    """The folder, relative to this profile. Names that begin with a dot and `__pycache__` are left out."""
    type: Literal["littlefs"] = "littlefs"
    """littlefs: what MicroPython mounts."""
    sha256: Sha256 | None = None
    """SHA-256 over the folder's files; written by `station profile lock`."""


class Firmware(_Part):
    """What every unit gets: either `images`, or `idf_build`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["images"]}, {"required": ["idf_build"]}]},
    )

    version: Text
    """The firmware's version, as the record shall show it."""
    images: tuple[Image, ...] = ()
    """The files, in any order."""
    idf_build: FileName | None = None
    """The `build` folder of an ESP-IDF project: its flasher_args.json names files and addresses."""
    sha256: Annotated[Mapping[FileName, Sha256], AfterValidator(_frozen_map)] = Field(
        default_factory=lambda: MappingProxyType({})
    )
    """With `idf_build`: SHA-256 of each of its files; written by `station profile lock`."""
    erase: tuple[PartitionName, ...] = ()
    """Partitions made blank, so that a reworked unit starts as a new one."""
    filesystem: Filesystem | None = None
    """A filesystem made of a folder."""


class Batch(_Part):
    """The certificates of one work order; with it, `station run PROFILE` is all there is to say."""

    certificates: FileName
    """The console's certificate CSV, relative to this profile; imported at start, once."""
    work_order: Text | None = None
    """The work order's number, for the record."""
    quantity: Annotated[int, Field(ge=1, strict=False)] | None = None
    """How many units the work order asks for."""
    name: Text | None = None
    """The batch's name in the ledger; without it the CSV's name without its ending."""


class CredentialPreset(StrEnum):
    """Ready mappings of a certificate to NVS."""

    ESP_ALIYUN = "esp-aliyun"
    """Espressif's esp-aliyun: partition fctry, namespace aliyun-key, strings."""
    ESP_MDF = "esp-mdf"
    """Espressif's esp-mdf: the same keys, in the namespace that you give."""
    MICROPYTHON = "micropython"
    """Blobs in partition nvs, namespace aliyun-key: MicroPython's esp32.NVS reads no strings."""


class CertificateField(StrEnum):
    """A field of a certificate."""

    PRODUCT_KEY = "product_key"
    DEVICE_NAME = "device_name"
    DEVICE_SECRET = "device_secret"  # noqa: S105  a word, no secret
    PRODUCT_SECRET = "product_secret"  # noqa: S105  a word, no secret


class CredentialKey(_Part):
    """Where one NVS key's value comes from, and how it is stored."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["from"]}, {"required": ["column"]}]})

    source: CertificateField | None = Field(None, alias="from")
    """The certificate's field."""
    column: Text | None = None
    """Instead of `from`: another column of the certificate CSV, by its header."""
    type: Literal["string", "blob"] = "string"
    """How NVS stores it: string for nvs_get_str, blob for nvs_get_blob and MicroPython."""
    optional: bool = False
    """Leave the key out where a certificate has no such field; else the unit is refused."""


class Credentials(_Part):
    """Where a unit's own certificate goes: a preset, or partition, namespace and keys."""

    preset: CredentialPreset | None = None
    """A ready mapping; `partition` and `namespace` may still be given."""
    partition: PartitionName | None = None
    """The NVS partition's name; its address comes from the partition table."""
    namespace: NvsKey | None = None
    """The NVS namespace."""
    keys: Annotated[Mapping[NvsKey, CredentialKey], AfterValidator(_frozen_map)] | None = None
    """NVS key → {from: product_key|device_name|device_secret|product_secret, type: string|blob}; not with a preset."""


class SdkValue(_Part):
    """One value of the SDK config with its NVS type."""

    type: NvsType
    value: int | str


def _read_sdk_value(value: Any) -> SdkValue:
    example = "Say its type, as {u16: 1883}, or put a text in quotes"
    if isinstance(value, SdkValue):
        return value
    if isinstance(value, str):
        return _checked(NvsType.string, value)
    if isinstance(value, int) and not isinstance(value, bool):
        fits = "u16" if 0 <= value < 1 << 16 else "i32"
        raise refusal(
            f"{shown(value)} is a number without an NVS type",
            f"Say the type that the firmware reads, as {{{fits}: {shown(value)[1:-1]}}}; or put a text in quotes",
        )
    if not isinstance(value, Mapping):
        raise refusal(f"{shown(value)} cannot be stored in NVS", example)
    if len(value) != 1:
        raise refusal("a value has exactly one type", example)
    kind, inner = next(iter(value.items()))
    if kind not in set(NvsType):
        raise refusal(f"{shown(kind)} is no NVS type", f"Write one of {', '.join(NvsType)}")
    return _checked(NvsType(kind), inner)


def _checked(kind: NvsType, value: Any) -> SdkValue:
    held = plain_int(value) if kind.is_integer else as_written(value)
    if (fault := nvs_value_fault(kind, held)) is not None:
        mend = "Correct the value, or choose a larger type" if kind.is_integer else "Write a text in quotes"
        raise refusal(fault, mend)
    return SdkValue(type=kind, value=held)


_SDK_VALUE_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string"},
        *(
            {
                "type": "object",
                "properties": {kind: {"type": "integer"}},
                "required": [kind],
                "additionalProperties": False,
            }
            for kind in _INTEGER_TYPES
        ),
        *(
            {
                "type": "object",
                "properties": {kind: {"type": "string"}},
                "required": [kind],
                "additionalProperties": False,
            }
            for kind in ("string", "blob")
        ),
    ]
}


class SdkConfig(_Part):
    """The same values for every unit, beside the credentials or in another NVS partition."""

    namespace: NvsKey
    """The NVS namespace."""
    partition: PartitionName | None = None
    """The NVS partition's name; without it the credentials' partition."""
    values: Annotated[
        Mapping[NvsKey, Annotated[SdkValue, PlainValidator(_read_sdk_value), WithJsonSchema(_SDK_VALUE_SCHEMA)]],
        AfterValidator(_frozen_map),
        Field(min_length=1),
    ]
    """NVS key → value. A plain text is stored as a string. Everything else says its type: {u16: 1883}, {i32: -5},
    {blob: text}. There is no default for numbers, because nvs_get_u16 does not read a value stored as i32. MicroPython's
    esp32.NVS reads i32 and blob only, so with the preset micropython nothing else is taken."""


class BootCheck(_Part):
    """What the console says when the application has started."""

    pattern: Expectation = Field(alias="expect")
    """Regular expression (Python's), searched in each console line."""
    within_s: DurationS = Field(20.0, alias="within", json_schema_extra={"default": "20s"})
    """How long to wait after the reset, as 20s or 1m30s."""


class OnlineBy(StrEnum):
    """Who says that the unit is online."""

    CONSOLE = "console"
    PLATFORM = "platform"


class OnlineCheck(_Part):
    """How the station knows that the unit reached the platform."""

    by: OnlineBy
    """console: a line of the unit's console. platform: the IoT platform's own answer."""
    pattern: Expectation | None = Field(None, alias="expect")
    """With `by: console`: regular expression, searched in each console line."""
    refused: Expectation | None = None
    """Regular expression of the console line that says that the platform refuses the unit: it fails at once (F41)."""
    within_s: DurationS = Field(30.0, alias="within", json_schema_extra={"default": "30s"})
    """How long to wait after the start."""


class Checks(_Part):
    """What a unit must do before it is good."""

    boot: BootCheck | None = None
    """The application starts."""
    online: OnlineCheck | None = None
    """The unit comes online; leave it out where the fixture has no network."""


class Profile(_Part):
    """What a unit of one product gets and how it is checked."""

    schema_version: Literal[1] = Field(alias="schema")
    """The version of this format: 1."""
    name: Annotated[Text, Field(max_length=64)]
    """The product's name on the screen and in the record."""
    product_key: Annotated[
        str, BeforeValidator(_read_product_key), Field(json_schema_extra={"pattern": "^[A-Za-z0-9]{1,20}$"})
    ]
    """The platform's ProductKey; only certificates of this product are taken."""
    chip: Annotated[str, BeforeValidator(_read_chip), Field(json_schema_extra={"enum": list(CHIPS)})]
    """esptool's name of the chip; a unit with another chip is refused."""
    flash_size_bytes: Annotated[
        int, PlainValidator(quantities.read_size), WithJsonSchema({"type": "string", "pattern": "^[0-9]+ ?(KB|MB)$"})
    ] = Field(alias="flash_size")
    """The least flash a unit must have, as 4MB."""
    baud: Annotated[
        tuple[int, ...] | None,
        PlainValidator(_read_baud),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "integer", "minimum": 9600},
                    {"type": "array", "items": {"type": "integer", "minimum": 9600}, "minItems": 1},
                ],
            }
        ),
    ] = None
    """Baud rates, tried in turn; without them each lane learns the fastest that its adapter and cable hold."""
    reset: ResetWay = ResetWay.DEFAULT_RESET
    """How the chip gets into download mode."""
    start: StartWay = StartWay.AUTO
    """auto: a unit starts as soon as its chip answers. key: the technician presses F5."""
    retries: Annotated[int, BeforeValidator(plain_int), Field(ge=0, le=100)] | None = None
    """How often a unit that failed may be tried again before somebody decides about it; without it, without end."""
    serial_number: SerialNumber | None = None
    """The label of each unit; without it a unit is known by its MAC and its DeviceName alone."""
    security: Security = Field(default_factory=Security)
    """What the eFuses of a unit must say before it is written."""
    firmware: Firmware
    """What every unit gets."""
    batch: Batch | None = None
    """The certificates of one work order."""
    credentials: Credentials
    """Where the unit's own certificate goes."""
    sdk_config: SdkConfig | None = None
    """The same NVS values for every unit."""
    checks: Checks = Field(default_factory=Checks)
    """What proves that a unit works; without it a unit is good as soon as it is written and verified."""
    label: Label | None = None
    """The label that a unit gets when it has passed."""
