"""The certificate that a unit carries when it is inserted: read first, bound by the ledger, and decided on by a line lead."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

from station.certificate import CertificateState, Identity
from station.errors import CertificateHeld, Code
from station.image.nvs_page import PAGE_BYTES
from station.image.nvs_reader import read_nvs_image
from station.image.partition_table import Partition
from station.ledger import CarriedCertificate, CarriedDecision, CarriedFinding
from station.line.decision import CarriedAnswer, CarriedChoice
from station.line.passage import Passage

_MEND: Final = "Call the line lead, who decides: F6 on the screen, else --replace-foreign or --keep-foreign"


def decide_on_carried(passage: Passage, run_id: int) -> CarriedDecision | None:
    """Let the ledger bind what the unit carries; give what a line lead has decided where it is not the unit's own.

    CertificateHeld while nobody has decided.
    """
    carried = carried_certificate(passage)
    if carried is None:
        return None
    finding = passage.ledger.bind_carried(run_id, carried)
    if not finding.foreign:
        return None
    answer = _answer(passage)
    if answer is None:
        cause = f"This unit already carries {carried.identity.device_name}, {_known(passage, finding)}"
        raise CertificateHeld(
            Code.FOREIGN_CERTIFICATE, cause, _MEND, facts={"device_name": carried.identity.device_name}
        )
    keep, decision = answer.choice is CarriedChoice.KEEP, answer.decision
    return CarriedDecision(carried.identity, keep, decision.operator, decision.reason, decision.by_line_lead)


def _answer(passage: Passage) -> CarriedAnswer | None:
    if passage.unit is not None and (own := passage.answer_for(passage.unit.mac)) is not None:
        return own
    if passage.keep_foreign is not None:
        return CarriedAnswer(CarriedChoice.KEEP, passage.keep_foreign)
    if passage.replace_foreign is not None:
        return CarriedAnswer(CarriedChoice.REPLACE, passage.replace_foreign)
    return None


def carried_certificate(passage: Passage) -> CarriedCertificate | None:
    """Read what the unit's credentials partition holds; None when it is blank or names no unit."""
    recipe, partition = passage.recipe, passage.recipe.credentials_partition
    if passage.chip.md5(partition.offset, partition.size_bytes) == _blank_md5(partition.size_bytes):
        return None
    contents = read_nvs_image(read_used(passage, partition), tolerant=True)
    device_name = recipe.device_name_in(contents)
    if device_name is None:
        return None
    product_key = recipe.product_key_in(contents) or recipe.profile.product_key
    return CarriedCertificate(Identity(product_key, device_name), recipe.device_secret_in(contents))


def read_used(passage: Passage, partition: Partition) -> bytes:
    """Read a partition; what its first page leaves blank is proven by one MD5 instead of 0.2 s on the wire."""
    rest_bytes = partition.size_bytes - PAGE_BYTES
    if passage.chip.md5(partition.offset + PAGE_BYTES, rest_bytes) != _blank_md5(rest_bytes):
        return passage.chip.read(partition.offset, partition.size_bytes)
    return passage.chip.read(partition.offset, PAGE_BYTES) + b"\xff" * rest_bytes


def _known(passage: Passage, finding: CarriedFinding) -> str:
    if finding.state is None:
        return "which the ledger does not know"
    if finding.other_secret:
        return "but with another DeviceSecret than the ledger's"
    if finding.state is CertificateState.INSTALLING and passage.unit is not None and finding.mac == passage.unit.mac:
        return "which this station did not write into it; no other unit gets it any more"
    whose = f" for {finding.mac}" if finding.mac else ""
    return f"which the ledger has as {finding.state}{whose}"


@cache
def _blank_md5(size_bytes: int) -> str:
    return hashlib.md5(b"\xff" * size_bytes, usedforsecurity=False).hexdigest()
