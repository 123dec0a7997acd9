"""Run a federation of containers to its end and write down what was asked and what came.

    python -m benchmarks.containers --engine podman --folder F --out benchmarks/results/run.txt

Needs the images `fedclinic-coordinator` and `fedclinic-site-agent` (docs/containers.md), PostgreSQL
on this machine, and an engine with Docker's command line, which `--engine` names. The folder is new
and one that the users `postgres` and 10001 can enter.
"""

import argparse
import base64
import shlex
import time
from pathlib import Path

import yaml

from benchmarks.containers import probe
from benchmarks.containers.engine import HARDENED, Engine
from benchmarks.containers.federation import COORDINATOR, Federation, Images, name_of
from fedclinic.invitation import read_token
from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import plan_document, site_document
from tests.postgres_cluster import PostgresCluster
from tests.tiny_models import save_tiny_bert

HOSPITALS = ("north", "south", "west")
EVALUATION = "evaluation"
"""The agent that has the evaluation notes."""
FEDERATION = "tiny"
IN_SITE = ("--config", "/site/site.yaml", "--home", "/state/home")
IN_COORDINATOR = Path("/sockets")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="docker", help="With its arguments, if any.")
    parser.add_argument("--folder", type=Path, required=True, help="New; remains.")
    parser.add_argument("--coordinator-image", default="fedclinic-coordinator")
    parser.add_argument("--site-image", default="fedclinic-site-agent")
    parser.add_argument("--keep", action="store_true", help="Leave all running at the end.")
    parser.add_argument("--out", type=Path, help="Where the transcript goes.")
    options = parser.parse_args()
    engine = Engine(shlex.split(options.engine), options.folder.resolve())
    images = Images(options.coordinator_image, options.site_image)
    federation = Federation(engine, images, (*HOSPITALS, EVALUATION))
    prepare(engine.folder)
    postgres = PostgresCluster(engine.folder / "postgres", sockets=engine.folder / "sockets")
    try:
        postgres.start()
        run(federation, postgres)
    finally:
        if not options.keep:
            federation.remove()
            postgres.stop()
    if options.out is not None:
        options.out.write_text("\n".join(engine.lines) + "\n", encoding="utf-8")


def prepare(folder: Path) -> None:
    """Write notes, model and plan; the containers' user reads all of it and writes none."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    write_cohort(
        folder / "notes", hospitals=HOSPITALS, patients=24, test_patients=12, alpha=1.0, seed=3
    )
    for site in (*HOSPITALS, EVALUATION):
        (folder / site).mkdir()
        notes = "test" if site == EVALUATION else site
        (folder / "notes" / f"{notes}.jsonl").rename(folder / site / "notes.jsonl")
    (folder / "model").mkdir()
    save_tiny_bert(folder / "model")
    for path in (folder / "model").iterdir():
        path.chmod(0o644)
    (folder / "plan").mkdir()
    plan = plan_document() | {
        "federation": FEDERATION,
        "sites": [{"name": name, "weight": 1} for name in HOSPITALS],
        "quorum": len(HOSPITALS),
        "transport": {"kind": "exchange"},
        "evaluation": {},
    }
    for shown in ("plan", *HOSPITALS, EVALUATION):
        (folder / shown / "federation.yaml").write_text(yaml.safe_dump(plan))


def run(federation: Federation, postgres: PostgresCluster) -> None:
    """Start all parties, train, look at what a container may do, and verify the evidence."""
    engine = federation.engine
    engine.write(f"HARDENED={shlex.quote(shlex.join(HARDENED))}")
    engine.write("\n# The coordinator: exchange, Prefect and MLflow, on PostgreSQL")
    federation.start_coordinator(
        {
            "FEDCLINIC_EXCHANGE_DATABASE": postgres.by_socket("exchange", IN_COORDINATOR),
            "PREFECT_API_DATABASE_CONNECTION_URL": postgres.by_socket(
                "prefect", IN_COORDINATOR, "asyncpg"
            ),
            "MLFLOW_BACKEND_STORE_URI": postgres.by_socket("mlflow", IN_COORDINATOR),
        }
    )
    for site in federation.sites:
        engine.write(f"\n# Site {site}")
        join(federation, site)
    engine.write("\n# What a hospital's container may do")
    look_around(federation)
    engine.write("\n# The run")
    began = time.monotonic()
    federation.coordinate("train", "/plan/federation.yaml", "--no-compare")
    engine.write(f"# {time.monotonic() - began:.0f} s")
    federation.coordinate("status")
    engine.show("logs", name_of(HOSPITALS[0]))
    names = [COORDINATOR, *map(name_of, federation.sites)]
    engine.show("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *names)
    engine.write("\n# The evidence, against the keys that the hospitals show")
    verify(federation)


def join(federation: Federation, site: str) -> None:
    """Do what a hospital's administrator does: write site.yaml, join, check, start the agent."""
    token = federation.invite(site)
    key = bytes.fromhex(read_token(token, now=time.time()).coordinator)
    values = site_document(site, "notes.jsonl", Path("/models/tiny"), evaluation=site == EVALUATION)
    values["permissions"]["coordinators"] = [base64.b64encode(key).decode()]  # type: ignore[index]
    (federation.folder / site / "site.yaml").write_text(yaml.safe_dump(values))
    federation.once(site, "join", token, *IN_SITE)
    federation.once(site, "check", *IN_SITE, "--plan", "/site/federation.yaml")
    federation.start_agent(site)


def look_around(federation: Federation) -> None:
    """Show that a hospital's container reaches the exchange, and nothing else."""
    site, other = HOSPITALS[:2]
    here = federation.address(COORDINATOR, name_of(site))
    asked = [
        f"{here}:8443",  # the exchange
        *(f"{here}:{port}" for port in (4200, 5000)),  # Prefect, MLflow
        f"{federation.address(name_of(other), name_of(other))}:22",  # another hospital
        "192.0.2.1:443",  # the world (RFC 5737)
    ]
    source = Path(probe.__file__).read_text(encoding="utf-8")
    federation.engine.write(f"$ python3 benchmarks/containers/probe.py {shlex.join(asked)}")
    said = federation.engine.ask("exec", name_of(site), "python3", "-c", source, *asked)
    federation.engine.write(said.rstrip())


def verify(federation: Federation) -> None:
    """Make a bundle, a trust of the keys that sites and coordinator show, and verify it."""
    given = []
    for site in HOSPITALS:
        said = federation.engine.show("exec", name_of(site), "fedclinic-site", "key", *IN_SITE)
        given.append(f"--site={site}={said.split()[-1]}")
    coordinator = federation.coordinate("key", "show").split()[-1]
    bundle, trust = "/state/bundle.json", "/state/trust.json"
    federation.coordinate("audit", "bundle", FEDERATION, "--out", bundle)
    federation.coordinate(
        *("audit", "trust", "--bundle", bundle, *given, "--coordinator", coordinator),
        *("--witnesses", str(len(HOSPITALS)), "--out", trust),
    )
    federation.coordinate("audit", "verify", "--bundle", bundle, "--trust", trust)


if __name__ == "__main__":
    main()
