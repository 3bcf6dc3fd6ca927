"""`station profile schema`: the model as JSON Schema, so that an editor completes and checks a profile while it is typed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from station.profile.model import Profile


def profile_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a profile."""
    return schema_of(Profile, "Profile of a flashing station")


def schema_of(model: type[BaseModel], title: str) -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a model of a YAML file."""
    schema = model.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}
