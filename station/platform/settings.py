"""Where the platform is and how it is spoken to. Never holds an access key."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError


def refusal(cause: str, mend: str) -> PydanticCustomError:
    """Give pydantic's error with both sentences, as those of a profile."""
    return PydanticCustomError("refused", "{cause}. {mend}", {"cause": cause, "mend": mend})


def _of_form(pattern: str, form: str) -> AfterValidator:
    """Let a text pass that is as the platform's console shows it."""
    compiled = re.compile(pattern)

    def check(value: str, info: ValidationInfo) -> str:
        if not compiled.fullmatch(value):
            raise refusal(f"{info.field_name} is not {form}", "Write it as the platform's console shows it")
        return value

    return AfterValidator(check)


def _certificate_file(value: str, info: ValidationInfo) -> str:
    """Give the path of a root certificate that can be used; relative ones begin at the `folder` of the context."""
    path = Path((info.context or {}).get("folder", "."), value)
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise refusal(f"{path} is no root certificate", "Give a PEM file: -----BEGIN CERTIFICATE-----") from None
    except OSError as error:
        raise refusal(f"{path} cannot be read ({error.strerror})", "Name the root certificate's file") from None
    return str(path)


CertificateFile = Annotated[str, AfterValidator(_certificate_file), Field(examples=["platform-root.pem"])]
TimeLimitS = Annotated[float, Field(gt=0, le=300)]
_ENDPOINT: Final = r"((\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?)?"
ENDPOINT_FORM: Final = "host or host:port, without https://"
REGION_FORM: Final = "a region's ID, as cn-shanghai"
INSTANCE_FORM: Final = "the ID that the console shows, as iot-060a02m5"


class PlatformSettings(BaseModel):
    """How a station reaches the IoT platform. An access key never stands here: `station platform login` keeps it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    region: Annotated[str, _of_form(r"[a-z0-9-]{2,40}", REGION_FORM)] = "cn-shanghai"
    """The region of the account's instance."""
    endpoint: Annotated[str, _of_form(_ENDPOINT, ENDPOINT_FORM), Field(examples=["iot.example.com:8443"])] = ""
    """`host` or `host:port` of the OpenAPI; without it the vendor's own for the region."""
    protocol: Literal["https", "http"] = "https"
    """How the OpenAPI is spoken to."""
    instance_id: Annotated[str, _of_form(r"[A-Za-z0-9_-]{0,64}", INSTANCE_FORM), Field(examples=["iot-060a02m5"])] = ""
    """IotInstanceId; only where the console shows one."""
    ca_file: CertificateFile = ""
    """Root certificate (PEM) of an endpoint that no public authority vouches for."""
    connect_timeout_s: TimeLimitS = 5.0
    """How long a connection may take."""
    read_timeout_s: TimeLimitS = 10.0
    """How long an answer may take."""

    @property
    def address(self) -> str:
        """`host` or `host:port` of the OpenAPI."""
        return self.endpoint or f"iot.{self.region}.aliyuncs.com"

    @property
    def host(self) -> str:
        """The host alone."""
        return self.address.rpartition(":")[0].strip("[]") if ":" in self.address else self.address
