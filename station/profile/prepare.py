"""From a profile to a recipe: everything it names is read once and checked, and every mistake is told in one go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from station.errors import ProfileError, Why
from station.image.fault import ImageFault
from station.image.filesystem import build_littlefs_of, read_folder
from station.image.flash_plan import Region, make_flash_plan
from station.image.nvs import MINIMUM_SIZE_BYTES, build_nvs_image
from station.image.nvs_entry import NvsEntry
from station.image.partition_table import Partition, PartitionTable
from station.peripherals.label_template import LabelTemplate, read_template
from station.profile.credentials import CredentialMap, credential_map
from station.profile.doubts import Doubt, DoubtKind
from station.profile.faults import Spot
from station.profile.firmware_files import PUT_BACK, FirmwareFile, folder_sha256, read_firmware
from station.profile.image_checks import check_images
from station.profile.layout import (
    FilledPartition,
    Layout,
    check_overlaps,
    check_table_fits,
    find_partition,
    find_table,
    place_images,
)
from station.profile.model import Profile, SdkConfig
from station.profile.quantities import shown
from station.profile.reading import Draft, read_draft
from station.profile.recipe import FileHash, Recipe
from station.profile.yaml_source import Place
from station.serial_number import SERIAL_NUMBER


def prepare_recipe(path: Path, *, verify_hashes: bool = True) -> Recipe:
    """Read a profile and everything that it names, and give what is to be written.

    `verify_hashes=False` leaves the images' hashes unchecked (for `station profile lock`). Raises ProfileError with every
    mistake found, each with file, line, cause and mend.
    """
    return prepare_draft(read_draft(path), verify_hashes=verify_hashes)


def prepare_draft(draft: Draft, *, verify_hashes: bool = True) -> Recipe:
    """Do what `prepare_recipe` does with a profile that is read already."""
    profile = draft.profile
    if profile is None:
        draft.faults.raise_if_any()
        raise AssertionError("a profile that cannot be read has faults")
    return _Preparation(draft, profile, verify_hashes).run()


class _Preparation:
    """The checks in their order. Faults are collected; a check whose ground is missing is left out."""

    def __init__(self, draft: Draft, profile: Profile, verify_hashes: bool) -> None:
        self._draft, self._profile, self._verify_hashes = draft, profile, verify_hashes
        self._faults = draft.faults
        self._folder = draft.source.path.parent
        self._layout = Layout(None)
        self._own_regions: list[Region] = []
        self._hashes: list[FileHash] = []

    def run(self) -> Recipe:
        draft, faults, layout = self._draft, self._faults, self._layout
        files, complete = read_firmware(draft, verify_hashes=self._verify_hashes)
        self._note_files(files)
        table = layout.table = find_table(files, draft, complete=complete)
        layout.images = place_images(files, table, draft)
        stored, credentials_partition, shared = self._fill_nvs(table)
        self._fill_filesystem(table)
        self._fill_erased(table)
        doubts, programs = check_images(layout, draft)
        if table is not None:
            check_table_fits(table, layout, draft)
        check_overlaps(layout, faults)
        self._check_surroundings()
        label = self._read_label()
        faults.raise_if_any()
        if table is None or stored is None or credentials_partition is None:
            raise AssertionError("a profile without faults has a table and credentials")
        regions = [*layout.image_regions(), *self._own_regions]
        try:
            plan = make_flash_plan(regions, self._profile.flash_size_bytes)
        except ImageFault as fault:
            faults.add_image_fault(faults.spot(("firmware",)), fault)
            faults.raise_if_any()
            raise
        return Recipe(
            profile=self._profile,
            path=draft.source.path,
            partition_table=table,
            static_plan=plan,
            credentials_partition=credentials_partition,
            doubts=(*doubts, *self._doubts()),
            credential_map=stored,
            shared_entries=shared,
            sha256_by_region=MappingProxyType({region.name: region.sha256 for region in plan.regions}),
            files=tuple(self._hashes),
            programs=programs,
            label=label,
        )

    def _note_files(self, files: Sequence[FirmwareFile]) -> None:
        for file in files:
            self._note_hash(file.hash_place, file.name, file.sha256)

    def _note_hash(self, place: Place, name: str, sha256: str) -> None:
        written = self._draft.source.value(place)
        locked = isinstance(written, str) and written.lower() == sha256
        self._hashes.append(FileHash(place, name, sha256, locked))

    def _check_hash(self, place: Place, name: str, what: str, expected: str | None, sha256: str) -> None:
        self._note_hash(place, name, sha256)
        if self._verify_hashes and expected not in {None, sha256}:
            cause = f"{what} has changed since the profile was locked"
            self._faults.add(place, cause, PUT_BACK, why=Why.FILE_CHANGED, facts={"file": shown(name)})

    def _fill_nvs(
        self, table: PartitionTable | None
    ) -> tuple[CredentialMap | None, Partition | None, tuple[NvsEntry, ...]]:
        """Find the partitions of credentials and SDK config and prove that any unit's values fit."""
        stored = credential_map(self._profile.credentials) if self._draft.is_sure("credentials") else None
        config = self._profile.sdk_config
        entries = _sdk_entries(config)
        if table is None:
            return stored, None, ()
        own_partition = (
            config is not None
            and config.partition is not None
            and (stored is None or config.partition != stored.partition)
        )
        if config is not None and config.partition is not None and own_partition:
            partition = self._nvs_partition(table, config.partition, ("sdk_config", "partition"), "the SDK config")
            if partition is not None:
                image = self._nvs_image(entries, partition, ("sdk_config",))
                if image is not None:
                    self._own_regions.append(Region.of(f"{partition.name} (sdk_config)", partition.offset, image))
            entries = ()
        if stored is None:
            return None, None, ()
        named = self._profile.credentials.partition is not None
        place: Place = ("credentials", "partition") if named else ("credentials",)
        partition = self._nvs_partition(table, stored.partition, place, "the credentials")
        if partition is not None and all(rule.source or rule.column for _, rule in stored.keys):
            # A key that stands twice is told by the rules already; here only the room counts.
            longest = {entry.place: entry for entry in (*entries, *stored.longest_entries())}
            self._nvs_image(tuple(longest.values()), partition, ("credentials",))
        return stored, partition, entries

    def _nvs_partition(self, table: PartitionTable, name: str, place: Place, what: str) -> Partition | None:
        faults = self._faults
        candidates = [partition for partition in table.partitions if partition.is_nvs]
        partition = find_partition(table, name, faults.spot(place), faults, candidates)
        if partition is None:
            return None
        others = ", ".join(candidate.name for candidate in candidates if candidate.name != name)
        if not partition.is_nvs:
            faults.add(
                place,
                f"the partition {shown(name)} is no NVS partition, so {what} cannot go there",
                f"Write one of {others}"
                if others
                else "Give it type data and subtype nvs in the build's partitions CSV",
            )
            return None
        if partition.size_bytes < MINIMUM_SIZE_BYTES and not partition.readonly:
            faults.add(
                place,
                f"the partition {shown(name)} has {partition.size_bytes:#x} bytes; NVS needs at least {MINIMUM_SIZE_BYTES:#x}",
                "Make it larger in the build's partitions CSV and build again",
            )
            return None
        self._layout.filled.append(FilledPartition(what, partition, faults.spot(place)))
        return partition

    def _nvs_image(self, entries: Sequence[NvsEntry], partition: Partition, place: Place) -> bytes | None:
        try:
            return build_nvs_image(entries, partition.size_bytes, readonly=partition.readonly)
        except ImageFault as fault:
            self._faults.add_image_fault(self._faults.spot(place), fault)
            return None

    def _fill_filesystem(self, table: PartitionTable | None) -> None:
        filesystem, faults = self._profile.firmware.filesystem, self._faults
        if filesystem is None or not self._draft.is_sure("firmware", "filesystem"):
            return
        place: Place = ("firmware", "filesystem")
        files: dict[str, bytes | None] | None = None
        try:
            files = read_folder(self._folder / filesystem.folder)
        except ImageFault as fault:
            faults.add_image_fault(faults.spot((*place, "from")), fault)
        if files is not None:
            what = f"a file in {shown(filesystem.folder)}"
            self._check_hash((*place, "sha256"), filesystem.folder, what, filesystem.sha256, folder_sha256(files))
        if table is None:
            return
        spot = faults.spot((*place, "partition"))
        partition = find_partition(table, filesystem.partition, spot, faults, _data_partitions(table))
        if partition is None:
            return
        if partition.is_app or partition.is_nvs or partition.is_otadata:
            faults.add_at(
                spot,
                f"the partition {shown(partition.name)} is not meant for a filesystem",
                "Name a data partition for it, as `vfs`",
            )
            return
        self._layout.filled.append(FilledPartition("the filesystem", partition, spot))
        if files is None:
            return
        try:
            blocks = build_littlefs_of(files, partition.size_bytes)
        except ImageFault as fault:
            faults.add_image_fault(faults.spot(place), fault)
            return
        for block in blocks:
            offset = partition.offset + block.offset_bytes
            self._own_regions.append(Region.of(f"{partition.name}@{offset:#x}", offset, block.data))

    def _fill_erased(self, table: PartitionTable | None) -> None:
        if table is None:
            return
        for index, name in enumerate(self._profile.firmware.erase):
            place = ("firmware", "erase", index)
            if not self._draft.is_sure(*place):
                continue
            spot = self._faults.spot(place)
            partition = find_partition(table, name, spot, self._faults, table.partitions)
            if partition is None or any(filled.partition == partition for filled in self._layout.filled):
                continue
            self._layout.filled.append(FilledPartition("`erase`", partition, spot))
            blank = b"\xff" * partition.size_bytes
            self._own_regions.append(Region.of(f"{partition.name} (blank)", partition.offset, blank))

    def _check_surroundings(self) -> None:
        profile, faults = self._profile, self._faults
        batch = profile.batch
        if batch is not None and self._draft.is_sure("batch", "certificates"):
            csv = self._folder / batch.certificates
            try:
                kind = None if csv.is_file() else "no plain file" if csv.exists() else "missing"
            except (OSError, ValueError):
                kind = "not readable"
            if kind is not None:
                faults.add(
                    ("batch", "certificates"),
                    f"the certificate file {shown(batch.certificates)} is {kind}",
                    f"It was looked for as {csv}; put the console's CSV there, or remove `batch`",
                    why=Why.CSV_MISSING,
                    facts={"file": shown(batch.certificates)},
                )

    def _read_label(self) -> LabelTemplate | None:
        label = self._profile.label
        if label is None or not self._draft.is_sure("label", "template"):
            return None
        try:
            template = read_template(self._folder / label.template)
        except ProfileError as error:
            for fault in error.faults:
                self._faults.add_at(Spot(Path(fault.file), fault.line), fault.cause, fault.mend)
            if not error.faults:
                self._faults.add(("label", "template"), error.cause, error.mend)
            return None
        what = f"the label {shown(label.template)}"
        self._check_hash(("label", "sha256"), label.template, what, label.sha256, template.sha256)
        if SERIAL_NUMBER in template.names and self._profile.serial_number is None:
            cause = "the label shows a serial number, and nothing says where units get one"
            mend = f"Add `{SERIAL_NUMBER}:`, or take ${{{SERIAL_NUMBER}}} out of the label"
            self._faults.add(("label", "template"), cause, mend)
        return template

    def _doubts(self) -> list[Doubt]:
        if self._profile.checks.boot is None and self._profile.checks.online is None:
            return [Doubt(DoubtKind.NO_CHECKS, "`checks` is empty: nothing proves that a unit starts.")]
        return []


def _sdk_entries(config: SdkConfig | None) -> tuple[NvsEntry, ...]:
    if config is None:
        return ()
    return tuple(NvsEntry(config.namespace, key, held.type, held.value) for key, held in config.values.items())


def _data_partitions(table: PartitionTable) -> list[Partition]:
    return [partition for partition in table.partitions if not (partition.is_app or partition.is_nvs)]
