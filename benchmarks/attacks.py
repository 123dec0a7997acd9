"""Run the tests that attack a federation and write what each shows, by threat.

python -m benchmarks.attacks --out docs/attacks.md
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

EXCHANGE = "tests/flows/exchange"
THREATS: dict[str, dict[str, str]] = {
    "hostile coordinator sends code": {
        "tests/site_agent/test_task_handler.py": "stranger",
        "tests/site_agent/test_worker.py": "refused or not_of_the_agent or server_configures",
        "tests/promises/test_the_coordinator_is_kept_out.py": "unpickles or code_of_its_own",
    },
    "hostile coordinator sends a weak plan": {
        "tests/site_agent/test_agent.py": "does_not_allow_is_refused or without_privacy",
    },
    "one site reaches another": {
        f"{EXCHANGE}/test_exchange_tasks.py": "no_other_sites",
        f"{EXCHANGE}/test_blobs.py": "another_sites_blob or does_not_name or lease_of_its_task",
        f"{EXCHANGE}/test_exchange_attacks.py": "one_sites_key or nothing_but_the_interface",
    },
    "stolen site credential": {
        f"{EXCHANGE}/test_exchange_attacks.py": "revoked or new_key",
        f"{EXCHANGE}/test_exchange_tasks.py": "second_agent or nobody_elses",
    },
    "stolen or guessed token": {f"{EXCHANGE}/test_exchange_attacks.py": "token or joining_site"},
    "replay, cross-round": {
        f"{EXCHANGE}/test_exchange_attacks.py": "good_once or replay or no_part or clock",
        f"{EXCHANGE}/test_exchange_tasks.py": "ended_task or same_round or late_answer",
        "tests/flows/test_admitting.py": "",
    },
    "rollback of the global model": {"tests/site_agent/test_agent.py": "older_global_model"},
    "rollback of a ledger": {"tests/site_agent/test_task_handler.py": "restored_ledger"},
    "corrupt, truncated, reordered, duplicated uploads": {
        f"{EXCHANGE}/test_blobs.py": "twice or other_bytes or truncated or not_its_name or broke",
        f"{EXCHANGE}/test_exchange_sites.py": "changed_at_the_exchange",
    },
    "path traversal, pickle, bombs, oversized bodies": {
        f"{EXCHANGE}/test_exchange_attacks.py": "interface or bounded or no_message",
        f"{EXCHANGE}/test_exchange_interface.py": "published",
        f"{EXCHANGE}/test_blobs.py": "largest_size or more_bytes",
    },
    "free text as a way out": {
        f"{EXCHANGE}/test_exchange_tasks.py": "free_text",
        f"{EXCHANGE}/test_exchange_attacks.py": "no_caller_can_write",
        f"{EXCHANGE}/test_exchange_interface.py": "free_text",
        "tests/fedclinic/privacy/test_disclosure.py": "",
        "tests/promises/test_notes_stay.py": "",
    },
    "a server or proxy in between": {
        "tests/site_agent/test_enrolment.py": "authority or token or closed",
    },
    "any input at all": {f"{EXCHANGE}/test_exchange_interface.py": "as_it_says or describes"},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    results = run(sorted({path for tests in THREATS.values() for path in tests}))
    lines = [
        "# Attacks",
        "",
        "Written by `python -m benchmarks.attacks --out docs/attacks.md`: what was tried against a",
        "federation over the exchange, by threat. A test's name is a sentence that is true.",
        "",
        "| threat | what was tried | cases | result |",
        "|---|---|---|---|",
    ]
    for threat, tests in THREATS.items():
        for path, wanted in tests.items():
            for name, (cases, good) in sorted(results[path].items()):
                if not wanted or any(word in name for word in wanted.split(" or ")):
                    sentence = name.removeprefix("test_").replace("_", " ")
                    result = "holds" if good else "**broken**"
                    lines.append(f"| {threat} | {sentence} | {cases} | {result} |")
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(paths: list[str]) -> dict[str, dict[str, tuple[int, bool]]]:
    """For every file and test function: how many cases ran, and whether all passed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *paths]
        subprocess.run(command, check=False)
        cases = ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314 - our own
        found: dict[str, dict[str, tuple[int, bool]]] = {path: {} for path in paths}
        for case in cases:
            path = case.attrib["classname"].replace(".", "/") + ".py"
            name = case.attrib["name"].split("[")[0]
            count, good = found[path].get(name, (0, True))
            found[path][name] = (count + 1, good and len(case) == 0)
        return found


if __name__ == "__main__":
    main()
