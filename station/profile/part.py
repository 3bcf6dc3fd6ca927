"""What every part of the profile's model has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainValidator, WithJsonSchema

from station.profile import quantities

FileName = Annotated[str, PlainValidator(quantities.read_file_name), WithJsonSchema({"type": "string", "minLength": 1})]
"""A file or folder, relative to the profile."""
Sha256 = Annotated[
    str, PlainValidator(quantities.read_sha256), WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F]{64}$"})
]


class Part(BaseModel):
    """A mapping of the YAML: it cannot be changed, and a key that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False, use_attribute_docstrings=True)
