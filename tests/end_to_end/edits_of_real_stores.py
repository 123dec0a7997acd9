"""What someone with write access to a run's MLflow database can do, in SQL, and what finds it."""

PARENT = "(SELECT run_uuid FROM runs WHERE name LIKE 'Federation (%')"
NORTH = "(SELECT run_uuid FROM runs WHERE name = 'site north')"

SQL_EDITS: dict[str, tuple[str, str, str]] = {
    "a run's epsilon is lowered": (
        f"UPDATE metrics SET value = 0.1 WHERE key = 'dp.epsilon' AND run_uuid = {PARENT} "
        "AND step = 3",
        "store.metric",
        "metric 'dp.epsilon', step 3",
    ),
    "a site's epsilon is lowered": (
        f"UPDATE metrics SET value = 0.1 WHERE key = 'dp.epsilon' AND run_uuid = {NORTH}",
        "store.report",
        "'site north'), metric 'dp.epsilon', step 1",
    ),
    "a site's budget is widened": (
        f"UPDATE metrics SET value = 99 WHERE key = 'budget.cap_epsilon' AND run_uuid = {NORTH}",
        "store.report",
        "metric 'budget.cap_epsilon'",
    ),
    "a site's update is made smaller": (
        f"UPDATE metrics SET value = 0.5 WHERE key = 'update_norm' AND run_uuid = {NORTH}",
        "store.report",
        "metric 'update_norm'",
    ),
    "the model is made better": (
        f"UPDATE metrics SET value = 0.99 WHERE key = 'accuracy' AND run_uuid = {PARENT}",
        "store.metric",
        "metric 'accuracy'",
    ),
    "a metric's last bit is changed": (
        "UPDATE metrics SET value = value * (1 + 3e-16) WHERE key = 'macro_f1' AND step = 2 "
        f"AND run_uuid = {PARENT}",
        "store.metric",
        "metric 'macro_f1', step 2",
    ),
    "the history of a metric is reordered": (
        f"UPDATE metrics SET step = 3 - step WHERE key = 'accuracy' AND run_uuid = {PARENT}",
        "store.metric",
        "metric 'accuracy'",
    ),
    "a step is removed": (
        f"DELETE FROM metrics WHERE key = 'dp.epsilon' AND step = 2 AND run_uuid = {PARENT}",
        "store.metric",
        "metric 'dp.epsilon', step 2",
    ),
    "a step is invented": (
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
        f"SELECT 'accuracy', 0.99, 1, {PARENT}, 9, 0",
        "store.metric",
        "metric 'accuracy', step 9",
    ),
    "a point is dated back": (
        f"UPDATE metrics SET timestamp = 5 WHERE key = 'accuracy' AND run_uuid = {PARENT}",
        "store.metric",
        "metric 'accuracy'",
    ),
    "a metric is renamed": (
        f"UPDATE metrics SET key = 'Accuracy' WHERE key = 'accuracy' AND run_uuid = {PARENT}",
        "store.metric",
        "metric 'Accuracy'",
    ),
    "a parameter is edited": (
        "UPDATE params SET value = '4.0' WHERE key = 'privacy.clipping_norm'",
        "store.param",
        "param 'privacy.clipping_norm'",
    ),
    "a parameter is removed": (
        "DELETE FROM params WHERE key = 'quorum'",
        "store.param",
        "param 'quorum'",
    ),
    "a parameter is added": (
        f"INSERT INTO params (key, value, run_uuid) SELECT 'approved', 'yes', {PARENT}",
        "store.param",
        "param 'approved'",
    ),
    "a tag is swapped": (
        "UPDATE tags SET value = 'note' WHERE key = 'dp.unit'",
        "store.tag",
        "tag 'dp.unit'",
    ),
    "a tag's case is changed": (
        f"UPDATE tags SET key = 'DP.unit' WHERE key = 'dp.unit' AND run_uuid = {PARENT}",
        "store.tag",
        "tag 'DP.unit'",
    ),
    "a quarantine is shown as admitted, or the reverse": (
        "UPDATE tags SET value = 'quarantined' WHERE key = 'round.2.verdict'",
        "store.tag",
        "tag 'round.2.verdict'",
    ),
    "an update's digest is exchanged": (
        "UPDATE tags SET value = replace(value, 'a', 'b') WHERE key = 'round.1.update'",
        "store.tag",
        "tag 'round.1.update'",
    ),
    "the head of a site's ledger is set back": (
        "UPDATE tags SET value = '2:0' WHERE key = 'ledger.head'",
        "store.tag",
        "tag 'ledger.head'",
    ),
    "a dataset's digest is edited": (
        "UPDATE datasets SET digest = 'another' WHERE name LIKE 'notes of north%'",
        "store.input",
        "input 'notes of north, as de-identified'",
    ),
    "a run is renamed": (
        "UPDATE runs SET name = 'site south' WHERE name = 'site north'",
        "store.name",
        "name",
    ),
    "a run is shown as failed": (
        f"UPDATE runs SET status = 'FAILED' WHERE run_uuid = {PARENT}",
        "store.status",
        "status",
    ),
    "a run is put under another parent": (
        f"UPDATE tags SET value = 'none' WHERE key = 'mlflow.parentRunId' AND run_uuid = {NORTH}",
        "store.parent",
        "'site north'), parent",
    ),
    "a run is marked as deleted": (
        "UPDATE runs SET lifecycle_stage = 'deleted' WHERE name = 'round 1'",
        "store.deleted",
        "'round 1'",
    ),
    "a run's row is deleted": (
        "DELETE FROM runs WHERE name = 'round 2'",
        "store.missing",
        "MLflow run",
    ),
    "a run is added that nobody signed": (
        "INSERT INTO runs SELECT {copied} FROM runs WHERE name = 'round 1'",
        "store.unsigned",
        "MLflow run extra",
    ),
    "the registered model is re-pointed to another run": (
        f"UPDATE model_versions SET run_id = {NORTH}",
        "registry.run",
        "registered model 'tiny', version 1",
    ),
    "the registered model is re-pointed to other files": (
        "UPDATE model_versions SET source = source || '-other', storage_location = source",
        "registry.source",
        "registered model 'tiny', version 1",
    ),
    "the registered model is removed": (
        "DELETE FROM model_versions",
        "registry.missing",
        "registered model 'tiny', version 1",
    ),
    "the gate's verdict is shown as another": (
        "UPDATE model_version_tags SET value = 'fail' WHERE key = 'fedclinic.gate'",
        "registry.tag",
        "tag 'fedclinic.gate'",
    ),
}
