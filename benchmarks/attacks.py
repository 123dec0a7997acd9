"""Run the tests that attack a federation and write what each shows, by threat.

python -m benchmarks.attacks --out docs/attacks.md [--whole]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

SITE = "tests/site_agent"
EXCHANGE = "tests/flows/exchange"
CORE = "tests/fedclinic"
END = "tests/end_to_end"
FLOWS = "tests/flows"
THREATS: dict[str, dict[str, str]] = {
    "curious coordinator": {
        f"{END}/test_nothing_private_leaves.py": "",
        f"{EXCHANGE}/test_exchange_tasks.py": "free_text",
        f"{EXCHANGE}/test_exchange_interface.py": "free_text",
        f"{CORE}/privacy/test_disclosure.py": "",
    },
    "hostile coordinator sends code": {
        f"{SITE}/test_task_handler_refusals.py": "stranger",
        f"{SITE}/test_worker.py": "refused or not_of_the_agent or server_configures",
        f"{END}/test_prefect_transport.py": "rewrites or not_the_agents or nobody_that",
        "tests/promises/test_the_coordinator_is_kept_out.py": "unpickles or code_of_its_own",
        f"{SITE}/test_poll.py": "named_variables or credential",
    },
    "hostile coordinator sends a weak plan": {
        f"{SITE}/test_agent_refusals.py": "does_not_allow_is_refused or without_privacy",
        "tests/promises/test_budget_is_kept.py": "understates or says_so",
    },
    "one site reaches another": {
        f"{EXCHANGE}/test_exchange_tasks.py": "no_other_sites",
        f"{EXCHANGE}/test_blobs.py": "another_sites_blob or does_not_name or lease_of_its_task",
        f"{EXCHANGE}/test_exchange_attacks.py": "one_sites_key or nothing_but_the_interface",
    },
    "malicious site, poisoning": {
        f"{FLOWS}/test_admitting.py": "quarantined or above_the_plans_norm",
        f"{FLOWS}/test_folding_in.py": "does_not_touch or weights",
        f"{FLOWS}/test_noise_floors.py": "quarantined",
        f"{CORE}/updates/test_admission.py": "longer or not_finite or other_tensors",
        f"{CORE}/updates/test_aggregate.py": "attackers or extremes or bound or weigh",
    },
    "lazy site, no noise": {
        f"{FLOWS}/test_noise_floors.py": "planned_noise or head_without",
        f"{CORE}/updates/test_admission.py": "less_noise or without_noise",
        f"{CORE}/privacy/test_audit.py": "fails or mistake or detected",
    },
    "stolen site credential": {
        f"{EXCHANGE}/test_exchange_attacks.py": "revoked or new_key",
        f"{EXCHANGE}/test_exchange_tasks.py": "second_agent or nobody_elses",
        f"{SITE}/test_poll.py": "revoked",
    },
    "stolen or guessed token": {
        f"{EXCHANGE}/test_exchange_attacks.py": "token or joining_site or invitation"
    },
    "replay, cross-round": {
        f"{EXCHANGE}/test_exchange_attacks.py": "good_once or replay or no_part or clock",
        f"{EXCHANGE}/test_exchange_tasks.py": "ended_task or same_round or late_answer",
        f"{FLOWS}/test_admitting.py": "answers_another or another_key or another_kind or own_task",
        f"{FLOWS}/test_round_tasks.py": "nonce or renewed",
        f"{CORE}/updates/test_admission.py": "another_task or taken_once",
    },
    "rollback of the global model": {f"{SITE}/test_agent_refusals.py": "older_global_model"},
    "rollback of ledger, VM snapshot": {
        f"{SITE}/test_task_handler_refusals.py": "restored_ledger",
        f"{SITE}/ledger_file/test_tampering.py": "shortened or restored or goes_back or edited",
    },
    "split view by the coordinator": {f"{CORE}/evidence/test_witness.py": ""},
    "PHI in logs, metrics, exceptions, flow parameters, results": {
        f"{END}/test_prefect_transport.py": "nothing_private",
        f"{EXCHANGE}/test_exchange_attacks.py": "no_caller_can_write",
        "tests/promises/test_notes_stay.py": "",
    },
    "pickle, torch.load": {
        "tests/promises/test_the_coordinator_is_kept_out.py": "unpickles",
        f"{SITE}/test_models.py": "pickled",
        f"{EXCHANGE}/test_exchange_attacks.py": "no_message",
    },
    "trust_remote_code, auto_map": {f"{SITE}/test_models.py": "code_beside"},
    "path traversal, symlinks, archives": {
        f"{EXCHANGE}/test_exchange_attacks.py": "nothing_but_the_interface",
        f"{CORE}/updates/test_codec.py": "link or swapped",
        f"{FLOWS}/test_admitting.py": "is_a_link",
    },
    "oversized update, header bomb": {
        f"{CORE}/updates/test_codec.py": "not_the_plans or damaged or random_bytes or larger",
        f"{EXCHANGE}/test_exchange_attacks.py": "bounded",
        f"{EXCHANGE}/test_blobs.py": "largest_size or more_bytes or another_size",
    },
    "budget race, double retry": {
        f"{SITE}/ledger_file/test_crashes.py": "race or killed",
        f"{SITE}/ledger_file/test_charges.py": "same_round or use_begins_once",
        "tests/promises/test_budget_is_kept.py": "repeated or overspend",
    },
    "predictable randomness": {
        f"{CORE}/privacy/test_random_stream.py": "",
        "tests/promises/test_privacy.py": "same_noise",
    },
    "corrupt, truncated, reordered, duplicated uploads": {
        f"{EXCHANGE}/test_blobs.py": "twice or other_bytes or truncated or not_its_name or broke",
        f"{EXCHANGE}/test_exchange_sites.py": "changed_at_the_exchange",
    },
    "a server or proxy in between": {
        f"{SITE}/test_enrolment.py": "authority or token or closed",
    },
    "any input at all": {
        f"{EXCHANGE}/test_exchange_interface.py": "describes",
        f"{EXCHANGE}/test_exchange_fuzzing.py": "as_the_interface_says",
    },
    "curious neighbour on the coordinator's machine": {
        f"{END}/test_coordinator_servers.py": "nobody_without or listens",
    },
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--whole", action="store_true", help="Also run whole federations.")
    options = parser.parse_args()
    paths = sorted({path for tests in THREATS.values() for path in tests})
    results = run([path for path in paths if options.whole or not path.startswith(END)])
    lines = [
        "# Attacks",
        "",
        "Written by `python -m benchmarks.attacks --out docs/attacks.md`: what was tried against a",
        "federation, by threat. A test's name is a sentence that is true. Not here, since no",
        "test breaks them: timing and size side channels, a changed image. With `--whole`, what",
        "takes whole federations (`tests/end_to_end`) is in it too.",
        "",
        "| threat | what was tried | cases | result |",
        "|---|---|---|---|",
    ]
    for threat, tests in THREATS.items():
        for path, wanted in tests.items():
            for name, (cases, good) in sorted(results.get(path, {}).items()):
                if not wanted or any(word in name for word in wanted.split(" or ")):
                    sentence = name.removeprefix("test_").replace("_", " ")
                    result = "holds" if good else "**broken or not run**"
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
            module = case.attrib["classname"].replace(".", "/")
            path = next(each for each in paths if module.startswith(each.removesuffix(".py")))
            name = case.attrib["name"].split("[")[0]
            count, good = found[path].get(name, (0, True))
            found[path][name] = (count + 1, good and len(case) == 0)
        return found


if __name__ == "__main__":
    main()
