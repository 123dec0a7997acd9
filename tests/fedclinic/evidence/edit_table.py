"""Write docs/detected-edits.md: every edit of the tables, and what both verifiers say of it.

python -m tests.fedclinic.evidence.edit_table > docs/detected-edits.md
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.evidence.bundle import Bundle
from fedclinic.evidence.snapshot import StoreSnapshot
from fedclinic.evidence.verify import verify
from tests.end_to_end.edits_of_real_stores import SQL_EDITS
from tests.fedclinic.evidence.edits_of_bundles import BUNDLE_EDITS, HONEST
from tests.fedclinic.evidence.edits_of_policies import POLICY_EDITS
from tests.fedclinic.evidence.edits_of_statements import COORDINATOR_EDITS
from tests.fedclinic.evidence.edits_of_stores import STORE_EDITS
from tests.fedclinic.evidence.factory import make_trust

Edit = tuple[Any, str, str]
TRUST = make_trust()


def write_page() -> str:
    """The page; it fails to be written if an edit is not found by both."""
    tables = {
        "Edits of a bundle on its way to the auditor": rows_of_bundles(BUNDLE_EDITS),
        "False statements, sealed by a coordinator with its own key": rows_of_bundles(
            COORDINATOR_EDITS | POLICY_EDITS
        ),
        "Edits of what MLflow shows": rows_of_stores(STORE_EDITS),
        "SQL on the database of a real run": [
            (name, check, row, "yes", "yes") for name, (_, check, row) in SQL_EDITS.items()
        ],
    }
    total = sum(map(len, tables.values()))
    parts = [
        "# Edits, and how they are found",
        f"Made by `python -m tests.fedclinic.evidence.edit_table`, which makes each of the first "
        f"three tables' edits, runs both verifiers and stops if one misses it; the fourth is held "
        f"by `tests/end_to_end/test_real_evidence.py`. {total} edits in all; evidence that nobody "
        f"edited, a store restored from a backup and one moved to another folder give no finding.",
        "`check` is the finding's name, `row` a part of the place that it names.",
    ]
    for title, rows in tables.items():
        parts += [f"## {title}", table(rows)]
    return "\n\n".join(parts) + "\n"


def rows_of_bundles(edits: Mapping[str, Edit]) -> list[tuple[str, ...]]:
    return [row_of(name, edit[0](), None, edit) for name, edit in edits.items()]


def rows_of_stores(edits: Mapping[str, Edit]) -> list[tuple[str, ...]]:
    return [row_of(name, HONEST, edit[0](), edit) for name, edit in edits.items()]


def row_of(name: str, bundle: Bundle, store: StoreSnapshot | None, edit: Edit) -> tuple[str, ...]:
    """One edit, and whether each verifier finds it and names its row."""
    _, check, row = edit
    ours = [(f.check, f.where) for f in verify(bundle, TRUST, store)]
    plain = None if store is None else as_json(store)
    alone = standalone.verify(as_json(bundle), as_json(TRUST), plain)
    found = (names(ours, check, row), names(((c, w) for _, c, w, _ in alone), check, row))
    assert all(found), (name, found)
    return (name, check, row, "yes", "yes")


def names(found: Iterable[tuple[str, str]], check: str, row: str) -> bool:
    return any(each == check and row in where for each, where in found)


def as_json(record: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(record.model_dump_json())
    return read


def table(rows: list[tuple[str, ...]]) -> str:
    lines = ["| edit | check | row | package | one-file verifier |", "|---|---|---|---|---|"]
    for name, check, row, *found in rows:
        lines.append(f"| {name} | `{check}` | {row} | {' | '.join(found)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(write_page(), end="")
