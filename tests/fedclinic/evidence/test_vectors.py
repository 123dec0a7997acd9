"""The published vectors: what docs/evidence-format.md promises of bundles written today, for good.

`bad-edits.json` lists single changes of the good bundle: a path into it, the value to put there (or
none: remove what is there), the check that finds it and the verdict.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.errors import EvidenceError
from fedclinic.evidence.bundle import Trust, read_bundle
from fedclinic.evidence.findings import verdict_of
from fedclinic.evidence.snapshot import StoreSnapshot
from fedclinic.evidence.verify import verify

VECTORS = Path(__file__).parent / "vectors"
GOOD = json.loads((VECTORS / "good-bundle.json").read_text())
TRUST = json.loads((VECTORS / "trust.json").read_text())
STORE = json.loads((VECTORS / "store.json").read_text())
BAD = json.loads((VECTORS / "bad-edits.json").read_text())


def edited(edit: dict[str, Any]) -> dict[str, Any]:
    bundle = copy.deepcopy(GOOD)
    *parents, last = edit["path"]
    place: Any = bundle
    for step in parents:
        place = place[step]
    if "value" in edit:
        place[last] = edit["value"]
    else:
        del place[last]
    return bundle


def test_the_good_vector_is_verified_by_both_readers():
    bundle = read_bundle(json.dumps(GOOD).encode())
    assert verify(bundle, Trust.model_validate(TRUST), StoreSnapshot.model_validate(STORE)) == []
    assert standalone.verify(GOOD, TRUST, STORE) == []


@pytest.mark.parametrize("edit", BAD, ids=lambda edit: edit["name"])
def test_a_bad_vector_has_its_verdict_from_the_one_file_verifier(edit):
    found = standalone.verify(edited(edit), TRUST, None)
    assert edit["check"] in {check for _, check, _, _ in found}
    severities = {severity for severity, *_ in found}
    assert ("failed" if "failed" in severities else "cannot verify") == edit["verdict"]


@pytest.mark.parametrize("edit", BAD, ids=lambda edit: edit["name"])
def test_a_bad_vector_has_its_verdict_from_the_package(edit):
    content = json.dumps(edited(edit)).encode()
    if edit["check"] == "bundle.format":
        with pytest.raises(EvidenceError, match="format"):
            read_bundle(content)
        return
    findings = verify(read_bundle(content), Trust.model_validate(TRUST))
    assert edit["check"] in {finding.check for finding in findings}
    assert verdict_of(findings) == edit["verdict"]
