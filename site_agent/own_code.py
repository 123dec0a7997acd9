"""Which code this agent is: a digest over the packages that it runs, told with its self-test."""

import os
from functools import cache
from importlib import resources

from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.records import Digest

PACKAGES = ("fedclinic", "site_agent", "policies")
IMAGE_VARIABLE = "FEDCLINIC_IMAGE_DIGEST"
"""Set where the agent runs in a container, to the digest of the image it was started from."""


@cache
def code_digest() -> Digest:
    """Digest every source and policy file as installed, by path."""
    files: dict[str, str] = {}
    for package in PACKAGES:
        with resources.as_file(resources.files(package)) as root:
            for path in sorted(root.rglob("*")):
                if path.suffix in (".py", ".yaml"):
                    name = f"{package}/{path.relative_to(root).as_posix()}"
                    files[name] = digest_bytes(path.read_bytes())
    return digest_bytes(canonical_json(files))


def image_digest() -> Digest | None:
    return os.environ.get(IMAGE_VARIABLE)
