"""Let a local MLflow store that was moved find its files: it keeps their absolute addresses."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Columns in which MLflow's schema keeps where files are."""


def move_artifacts(database: Path, artifacts: Path) -> None:
    """Point every experiment of ours in a store at its folder below `artifacts`.

    Nothing that verification compares is touched: addresses are in no snapshot.
    """
    if not database.is_file():
        return
    with closing(sqlite3.connect(database)) as store, store:
        found = store.execute("SELECT name, artifact_location FROM experiments").fetchall()
        for name, old in found:
            new = (artifacts / name).as_uri()
            if old != new and old.endswith(f"/{artifacts.name}/{quote(name)}"):
                _move(store, old, new)


def _move(store: sqlite3.Connection, old: str, new: str) -> None:
    for table, column in ADDRESSES:
        columns = {row[1] for row in store.execute(f"PRAGMA table_info({table})")}
        if column in columns:
            store.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?)"  # noqa: S608 - ours
                f" WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
            )
