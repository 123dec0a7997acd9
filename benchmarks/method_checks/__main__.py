"""Run the ten checks of the papers' methods: each prints pass, falls short, or not run.

python -m benchmarks.method_checks            # all but step times; 2, 7 and 10 from results
python -m benchmarks.method_checks --timed    # step times too: needs an idle machine
"""

import sys
from collections.abc import Callable, Iterator

from benchmarks.method_checks.bytes_and_noise import (
    check_bytes,
    check_bytes_of_a_billion,
    check_epsilon,
    check_frozen,
    check_noise,
)
from benchmarks.method_checks.compute import check_compute, check_dropout_time
from benchmarks.method_checks.dropout import (
    check_active,
    check_memory,
    check_no_dropout,
    check_untouched,
)
from benchmarks.method_checks.from_results import check_faster, check_poison, check_quality
from benchmarks.method_checks.server_rules import (
    check_bandit,
    check_personal_layers,
    check_targeted,
)
from benchmarks.method_checks.verdict import Verdict

Check = Callable[[], Verdict | Iterator[Verdict]]
ALWAYS: tuple[Check, ...] = (
    check_bytes,
    check_bytes_of_a_billion,
    check_frozen,
    check_quality,
    check_noise,
    check_epsilon,
    check_no_dropout,
    check_untouched,
    check_active,
    check_memory,
    check_bandit,
    check_faster,
    check_personal_layers,
    check_targeted,
    check_poison,
)
TIMED: tuple[Check, ...] = (check_compute, check_dropout_time)


def main() -> int:
    checks = (*ALWAYS, *TIMED) if "--timed" in sys.argv[1:] else ALWAYS
    results = []
    for check in checks:
        found = check()
        for verdict in (found,) if isinstance(found, Verdict) else found:
            print(verdict.line(), flush=True)
            results.append(verdict.result)
    return 0 if set(results) == {"pass"} else 1


if __name__ == "__main__":
    sys.exit(main())
