"""The walk of a unit (DESIGN §3): one function, synchronous, in the lane's thread; the steps below it in their order."""

from __future__ import annotations

import logging
import traceback

from station.errors import (
    NO_FACTS,
    ChipError,
    Code,
    CodedError,
    InternalFault,
    StationFault,
)
from station.events import CertificateAllocated, RunStarted, UnitIdentified, VerdictReached
from station.image.nvs_reader import nvs_differences, read_nvs_image
from station.image.partition_table import Partition
from station.ledger import JsonValue
from station.line.carried import decide_on_carried, read_used
from station.line.console_checks import listen, never_said
from station.line.online import note_status_before_start, online
from station.line.packing import pack_regions
from station.line.passage import Passage
from station.line.preflight import demands_of, judge, judge_standing, remarks
from station.line.serial_number import await_label, read_label
from station.profile.model import ResetWay
from station.unit import ChipIdentity
from station.verdict import Step, Verdict

_logger = logging.getLogger(__name__)

ALWAYS_COMPARED_BYTES_MAX = 64 * 1024
"""A region up to this size is compared before it is written, on a new unit too: the MD5 costs about 10 ms."""


def walk_unit(passage: Passage, refusal: CodedError | None = None) -> VerdictReached:
    """Take the unit that has just answered through all steps; record and give the verdict. Raises nothing of ours.

    `refusal` is why a unit that is there cannot be talked to: the run is then only recorded.
    """
    began = passage.clock()
    failure: CodedError | None = None
    try:
        with passage.step(Step.DETECT):
            detect(passage, refusal)
        with passage.step(Step.IDENTIFY):
            identify(passage)
        with passage.step(Step.ALLOCATE):
            allocate(passage)
        with passage.step(Step.WRITE):
            write(passage)
        with passage.step(Step.VERIFY):
            verify(passage)
        with passage.step(Step.START, _hand_needed(passage)):
            start(passage)
        if passage.recipe.profile.checks.online is None:
            passage.skip(Step.ONLINE)
        else:
            with passage.step(Step.ONLINE):
                online(passage)
        await_label(passage, _run(passage), _unit(passage).mac)
    except CodedError as error:
        failure = error
    except Exception as error:  # noqa: BLE001  a bug of ours must end this run as ERROR, not the lane
        failure = internal_fault(error)
    return record(passage, failure, began)


def internal_fault(error: Exception) -> InternalFault:
    """Log where a bug struck, without the values that its message may hold, and give it as a fault of the station."""
    _logger.error("unexpected %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    kind = type(error).__name__
    return InternalFault(f"The station met an error of its own ({kind})", facts={"kind": kind})


def detect(passage: Passage, refusal: CodedError | None) -> None:
    """The lane has heard a chip: the run begins in the ledger, and ends here when the chip cannot be talked to."""
    passage.run_id = passage.ledger.begin_run(
        lane=passage.lane,
        port=passage.port,
        profile=passage.recipe.profile.name,
        firmware_version=passage.recipe.profile.firmware.version,
        batch=passage.batch,
        operator=passage.operator,
        work_order=passage.work_order,
    )
    passage.report(RunStarted(passage.lane, passage.run_id))
    if refusal is not None:
        raise refusal


def identify(passage: Passage) -> None:
    """Learn what the unit is; refuse what the profile does not allow before anything is written."""
    profile, chip = passage.recipe.profile, passage.chip
    seen = chip.identify()
    passage.unit = seen
    passage.was_here_before = passage.ledger.identify_run(_run(passage), seen)
    standing = passage.ledger.dispositions.standing(seen.mac)
    if (refusal := judge_standing(standing, passage.retries)) is not None:
        raise refusal
    preflight(passage, seen)
    size_bytes = chip.prepare(profile.baud)
    if size_bytes < profile.flash_size_bytes:
        raise ChipError(
            Code.FLASH_TOO_SMALL,
            f"The flash of this unit has {size_bytes >> 20} MB, the profile needs {profile.flash_size_bytes >> 20} MB",
            "Put in a unit of this product, or choose the profile of this unit",
            facts={"size_mb": size_bytes >> 20, "needed_mb": profile.flash_size_bytes >> 20},
        )
    passage.notes["flash_size_bytes"] = size_bytes
    passage.report(UnitIdentified(passage.lane, seen.mac, seen.chip, size_bytes))
    read_label(passage, _run(passage), seen.mac)


def preflight(passage: Passage, seen: ChipIdentity) -> None:
    """Refuse a unit that these images would spoil; note what is burnt, and who overruled what may be overruled."""
    if burnt := remarks(seen):
        passage.notes["security"] = list[JsonValue](burnt)
    refusal = judge(seen, demands_of(passage.recipe))
    if refusal is None:
        return
    decision = passage.force_security
    if decision is None or not refusal.forcible:
        raise refusal.error
    overruled: dict[str, JsonValue] = {
        "from": refusal.error.code,
        "to": "forced",
        "overruled": refusal.error.cause,
        **decision.as_data(),
    }
    passage.ledger.record_note(_run(passage), "security.forced", overruled)
    passage.notes["security_forced"] = refusal.error.cause


def allocate(passage: Passage) -> None:
    """Give the unit its own certificate, or the next unused one; hold a unit that carries somebody else's."""
    decided = decide_on_carried(passage, _run(passage))
    passage.allocation = passage.ledger.allocate(_run(passage), decided)
    passage.report(
        CertificateAllocated(
            passage.lane,
            _unit(passage).mac,
            passage.certificate.identity.product_key,
            passage.certificate.identity.device_name,
            passage.allocation.resumed,
            passage.allocation.left,
        )
    )


def write(passage: Passage) -> None:
    """Write what differs, static regions first; the credentials last, after the ledger knows that they leave."""
    credentials = pack_regions(
        region for region in passage.recipe.unit_plan(passage.certificate).regions if region.secret
    )
    _require_same_unit(passage)
    pending = []
    for packed in (*passage.static, *credentials):
        compared = passage.was_here_before or packed.size_bytes <= ALWAYS_COMPARED_BYTES_MAX
        if compared and passage.chip.md5(packed.offset, packed.size_bytes) == packed.md5:
            passage.proven.add(packed.name)
        else:
            pending.append(packed)
    progress = passage.progress(sum(len(packed.blob) for packed in pending))
    for packed in pending:
        if packed not in credentials:
            passage.chip.write(packed, progress.region())
    _require_same_unit(passage)
    passage.ledger.begin_installing(_run(passage))
    _require_same_unit(passage)  # the ledger may have kept us waiting for seconds
    for packed in pending:
        if packed in credentials:
            passage.chip.write(packed, progress.region())
    passage.notes["baud"] = passage.chip.baud
    passage.notes["written"] = [packed.name for packed in pending]
    passage.notes["wire_bytes"] = sum(len(packed.blob) for packed in pending)


def _require_same_unit(passage: Passage) -> None:
    """Stop before the next destructive command when another board sits there now."""
    now = passage.chip.mac_now()
    if now != _unit(passage).mac:
        raise ChipError(
            Code.UNIT_SWAPPED,
            f"The unit was changed during the run: it was {_unit(passage).mac}, now it is {now}",
            "Put the first unit back, or start this one anew",
            facts={"before": _unit(passage).mac, "now": now},
        )


def verify(passage: Passage) -> None:
    """Have the chip prove every region by MD5, then compare the credentials field by field."""
    plan = passage.recipe.unit_plan(passage.certificate)
    for region in plan.regions:
        if region.name in passage.proven:
            continue
        held_md5 = passage.chip.md5(region.offset, len(region.data))
        if held_md5 != region.md5 and passage.chip.slow_down():  # the line's own check is one XOR a block
            passage.chip.write(pack_regions([region])[0], lambda _sent_bytes: None)
            held_md5 = passage.chip.md5(region.offset, len(region.data))
        if held_md5 != region.md5:
            raise ChipError(
                Code.VERIFY_MISMATCH,
                f"The flash does not hold what was written ({region.name} at {region.offset:#x})",
                "Try the unit once more; if it happens again, its flash is bad",
                facts={"region": region.name, "offset": f"{region.offset:#x}"},
            )
        passage.proven.add(region.name)
    partition: Partition = passage.recipe.credentials_partition
    held = read_nvs_image(read_used(passage, partition), tolerant=True)
    if differences := nvs_differences(passage.recipe.expected_credentials(passage.certificate), held):
        raise ChipError(
            Code.CREDENTIALS_DIFFER,
            f"The credentials in the unit differ from its certificate ({', '.join(differences)})",
            "Try the unit once more; if it happens again, its flash is bad",
            facts={"fields": ", ".join(differences)},
        )


def start(passage: Passage) -> None:
    """Reset into the application and wait for the line that the profile expects."""
    note_status_before_start(passage)
    passage.console = passage.chip.restart()
    check = passage.recipe.profile.checks.boot
    if check is not None and not listen(passage, check.within_s, expect=check.pattern):
        raise never_said(passage, Code.NO_BOOT, "did not start", check.within_s)


def _hand_needed(passage: Passage) -> str:
    """What only a person can do where the port's lines do not reach the chip."""
    return "Let BOOT go and press EN" if passage.recipe.profile.reset is ResetWay.NO_RESET else ""


def record(passage: Passage, failure: CodedError | None, began: float) -> VerdictReached:
    """Write the verdict into the ledger and give it to the faces; a ledger that cannot take it makes it an ERROR."""
    seconds = round(passage.clock() - began, 3)
    verdict = Verdict.PASS if failure is None else failure.verdict
    try:
        with passage.step(Step.RECORD):
            _finish(passage, verdict, failure, seconds)
    except CodedError as fault:
        verdict, failure = Verdict.ERROR, fault
    except Exception as error:  # noqa: BLE001  what is not recorded is no PASS, whatever the reason
        verdict, failure = Verdict.ERROR, internal_fault(error)
    allocation, unit = passage.allocation, passage.unit
    return VerdictReached(
        passage.lane,
        passage.run_id,
        verdict,
        None if unit is None else unit.mac,
        None if allocation is None else allocation.certificate.identity.device_name,
        seconds,
        None if failure is None else failure.code,
        "" if failure is None else failure.cause,
        "" if failure is None else failure.mend,
        None if allocation is None else allocation.left,
        _failed_in_row(passage, verdict),
        None if passage.retries is None else passage.retries + 1,
        passage.serial_number,
        NO_FACTS if failure is None else failure.facts,
    )


def _failed_in_row(passage: Passage, verdict: Verdict) -> int:
    if verdict is not Verdict.FAIL or passage.unit is None:
        return 0
    try:
        return passage.ledger.dispositions.standing(passage.unit.mac).failed_in_row
    except StationFault:  # the verdict is recorded; the next run asks again before it writes anything
        return 0


def _finish(passage: Passage, verdict: Verdict, failure: CodedError | None, seconds: float) -> None:
    if passage.run_id is None:
        return
    passage.ledger.finish_run(
        passage.run_id,
        verdict,
        seconds=seconds,
        code=None if failure is None else failure.code,
        message="" if failure is None else failure.cause,
        activated=passage.activated,
        data={
            "timings_s": passage.timings,
            "regions_sha256": dict(passage.recipe.region_hashes()),
            "proven": list[JsonValue](sorted(passage.proven)),
            **passage.notes,
        },
    )


def _run(passage: Passage) -> int:
    if passage.run_id is None:
        raise InternalFault("a step ran before detect")
    return passage.run_id


def _unit(passage: Passage) -> ChipIdentity:
    if passage.unit is None:
        raise InternalFault("a step ran before identify")
    return passage.unit
