"""How a certificate becomes NVS entries: the presets, the free mapping, and the way back from a chip's contents.

Presets: espressif/esp-aliyun config/mass_mfg (partition fctry, namespace aliyun-key, four string keys) and
espressif/esp-mdf examples/aliyun_linkkit/tools (the same keys, the namespace is an argument).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from station.certificate import Certificate, Identity, Secret
from station.errors import ProfileError, Why
from station.image.nvs_entry import NvsEntry, NvsType
from station.image.nvs_reader import NvsContents
from station.profile.model import CertificateField, CredentialKey, CredentialPreset, Credentials

ALIYUN_PARTITION: Final = "fctry"
ALIYUN_NAMESPACE: Final = "aliyun-key"
MICROPYTHON_PARTITION: Final = "nvs"
_SECRET_COLUMNS: Final = MappingProxyType(
    {CertificateField.DEVICE_SECRET: "DeviceSecret", CertificateField.PRODUCT_SECRET: "ProductSecret"}
)
_LONGEST: Final = Certificate(
    Identity("P" * 20, "D" * 32), {"DeviceSecret": Secret("S" * 64), "ProductSecret": Secret("S" * 64)}
)
"""A certificate with every field as long as the platform allows."""
_COLUMN_LENGTH_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class CredentialMap:
    """Where each field of a certificate is stored. Immutable: all lanes share it."""

    partition: str
    namespace: str
    keys: tuple[tuple[str, CredentialKey], ...]

    def entries(self, certificate: Certificate) -> tuple[NvsEntry, ...]:
        """Give the NVS entries of a certificate; ProfileError when it lacks a field that the profile stores."""
        found = []
        for key, rule in self.keys:
            value = _value(certificate, rule)
            if value is not None:
                found.append(NvsEntry(self.namespace, key, NvsType(rule.type), value))
            elif not rule.optional:
                raise ProfileError(
                    f"The certificate of {certificate.identity.device_name} has no {_name(rule)}, "
                    f"which the profile stores as `{key}`",
                    f"Import a CSV with that column, or say `optional: true` for `{key}`",
                    why=Why.CERTIFICATE_LACKS_FIELD,
                    facts={"device_name": certificate.identity.device_name, "field": _name(rule)},
                )
        return tuple(found)

    def longest_entries(self) -> tuple[NvsEntry, ...]:
        """Give entries as long as any certificate's can be, for the question whether all units fit."""
        columns = {rule.column: "x" * _COLUMN_LENGTH_MAX for _, rule in self.keys if rule.column is not None}
        return self.entries(Certificate(_LONGEST.identity, _LONGEST.secrets, columns))

    def text_in(self, nvs: NvsContents, wanted: CertificateField) -> str | None:
        """Give the field that a chip's NVS holds where this mapping stores it; None when it is not there."""
        for key, rule in self.keys:
            if rule.source is wanted:
                return nvs.text(self.namespace, key)
        return None


def credential_map(credentials: Credentials) -> CredentialMap | None:
    """Resolve the profile's `credentials`; None when something that it needs is missing."""
    if credentials.preset is None:
        if credentials.partition is None or credentials.namespace is None or not credentials.keys:
            return None
        return CredentialMap(credentials.partition, credentials.namespace, tuple(credentials.keys.items()))
    blobs = credentials.preset is CredentialPreset.MICROPYTHON
    namespace = credentials.namespace
    if namespace is None:
        if credentials.preset is CredentialPreset.ESP_MDF:
            return None
        namespace = ALIYUN_NAMESPACE
    partition = credentials.partition or (MICROPYTHON_PARTITION if blobs else ALIYUN_PARTITION)
    return CredentialMap(partition, namespace, _preset_keys("blob" if blobs else "string"))


def _preset_keys(kind: Literal["string", "blob"]) -> tuple[tuple[str, CredentialKey], ...]:
    names = (
        ("ProductKey", CertificateField.PRODUCT_KEY, False),
        ("DeviceName", CertificateField.DEVICE_NAME, False),
        ("DeviceSecret", CertificateField.DEVICE_SECRET, False),
        ("ProductSecret", CertificateField.PRODUCT_SECRET, True),
    )
    return tuple(
        (key, CredentialKey.model_validate({"from": source, "type": kind, "optional": optional}))
        for key, source, optional in names
    )


def _value(certificate: Certificate, rule: CredentialKey) -> str | Secret | None:
    if rule.column is not None:
        return certificate.secrets.get(rule.column) or certificate.extras.get(rule.column) or None
    match rule.source:
        case CertificateField.PRODUCT_KEY:
            return certificate.identity.product_key
        case CertificateField.DEVICE_NAME:
            return certificate.identity.device_name
        case CertificateField.DEVICE_SECRET | CertificateField.PRODUCT_SECRET:
            return certificate.secrets.get(_SECRET_COLUMNS[rule.source])
        case None:
            return None


def _name(rule: CredentialKey) -> str:
    return f"column {rule.column}" if rule.column is not None else str(rule.source)
