"""The recipe: a profile with everything it names, read, checked and ready to be written. Immutable; all lanes share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from station.certificate import Certificate, Secret
from station.errors import ProfileError, Why
from station.image.esp_image import EspImage
from station.image.fault import ImageFault
from station.image.flash_plan import FlashPlan, Region
from station.image.nvs import build_nvs_image
from station.image.nvs_entry import NvsEntry
from station.image.nvs_reader import NvsContents
from station.image.partition_table import Partition, PartitionTable
from station.peripherals.label_template import LabelTemplate
from station.profile.credentials import CredentialMap
from station.profile.doubts import Doubt
from station.profile.model import CertificateField, Profile
from station.profile.yaml_source import Place

CREDENTIALS: Final = "credentials"
"""The name of the region that holds a unit's own certificate."""


@dataclass(frozen=True, slots=True)
class FileHash:
    """A file, or the filesystem's folder, that went into the plan; `place` is where the profile keeps its SHA-256."""

    place: Place
    name: str
    sha256: str
    locked: bool
    """The profile names this very hash."""


@dataclass(frozen=True, slots=True)
class Program:
    """A bootloader or an application that every unit gets; `name` says which file, and where in it."""

    name: str
    image: EspImage
    is_app: bool


@dataclass(frozen=True, slots=True)
class Recipe:
    """What every unit of a profile gets, and how its own certificate is added. Made by `prepare_recipe`.

    `static_plan` holds images, filesystem blocks, erased partitions (0xFF) and an SDK config with a partition of its own.
    """

    profile: Profile
    path: Path
    partition_table: PartitionTable
    static_plan: FlashPlan
    credentials_partition: Partition
    doubts: tuple[Doubt, ...]
    credential_map: CredentialMap
    shared_entries: tuple[NvsEntry, ...] = field(repr=False)
    """The SDK config's entries, where they share the credentials' partition."""
    sha256_by_region: Mapping[str, str] = field(repr=False)
    files: tuple[FileHash, ...] = field(repr=False)
    programs: tuple[Program, ...] = field(repr=False)
    label: LabelTemplate | None = None

    @property
    def batch_csv(self) -> Path | None:
        """The certificate CSV that the profile names."""
        return None if self.profile.batch is None else self.path.parent / self.profile.batch.certificates

    def credentials_image(self, certificate: Certificate) -> bytes:
        """Give the NVS image of one unit, of exactly the partition's size, with the SDK config when it lives there too.

        Raises ProfileError when the certificate is of another product or lacks a field that the profile stores.
        """
        partition = self.credentials_partition
        try:
            return build_nvs_image(
                (*self.expected_credentials(certificate), *self.shared_entries),
                partition.size_bytes,
                readonly=partition.readonly,
            )
        except ImageFault as fault:
            raise ProfileError(fault.cause, fault.mend, str(self.path), why=Why.DOES_NOT_FIT) from None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The doubts as sentences."""
        return tuple(doubt.sentence for doubt in self.doubts)

    def unit_plan(self, certificate: Certificate) -> FlashPlan:
        """Give the whole plan of one unit: the static one and its credentials, which are marked secret."""
        partition = self.credentials_partition
        image = self.credentials_image(certificate)
        return self.static_plan.with_region(Region.of(CREDENTIALS, partition.offset, image, secret=True))

    def expected_credentials(self, certificate: Certificate) -> tuple[NvsEntry, ...]:
        """Give what a unit's NVS must hold for this certificate; ProfileError as `credentials_image`."""
        of_product = certificate.identity.product_key
        if of_product != self.profile.product_key:
            raise ProfileError(
                f"The certificate of {certificate.identity.device_name} is for product {of_product}, "
                f"the profile {self.profile.name} is for {self.profile.product_key}",
                "Choose the batch of this product, or the profile of this batch",
                str(self.path),
                why=Why.CERTIFICATE_OF_OTHER_PRODUCT,
                facts={
                    "device_name": certificate.identity.device_name,
                    "product_key": of_product,
                    "wanted": self.profile.product_key,
                },
            )
        return self.credential_map.entries(certificate)

    def device_name_in(self, nvs: NvsContents) -> str | None:
        """Give the DeviceName that a credentials partition holds, where this profile stores it."""
        return self.credential_map.text_in(nvs, CertificateField.DEVICE_NAME)

    def product_key_in(self, nvs: NvsContents) -> str | None:
        """Give the ProductKey that a credentials partition holds, where this profile stores it."""
        return self.credential_map.text_in(nvs, CertificateField.PRODUCT_KEY)

    def device_secret_in(self, nvs: NvsContents) -> Secret | None:
        """Give the DeviceSecret that a credentials partition holds, where this profile stores it."""
        text = self.credential_map.text_in(nvs, CertificateField.DEVICE_SECRET)
        return None if text is None else Secret(text)

    def region_hashes(self) -> dict[str, str]:
        """Give region name → SHA-256 of what every unit gets, for the record; the credentials are not among them."""
        return dict(self.sha256_by_region)
