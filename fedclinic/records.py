"""The base of every value that crosses a process or a file, and the types that its fields share."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Record(BaseModel):
    """A frozen value that refuses unknown fields and non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""SHA-256 of a canonical encoding, as `sha256:` and 64 hexadecimal digits."""

PublicKey = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The 32 bytes of an Ed25519 public key, hexadecimal."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""A site, run, federation or label-safe file name: lower case, no path separators."""

PolicyName = Literal["privacy", "auditing", "disclosure", "deidentification", "retention"]
"""A document of `policies/`: data that people approve and that a digest names."""

Probability = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=0)]
