"""A site's worker whose tasks have known noise; else as `fedclinic-site worker`."""

import argparse
import sys
from pathlib import Path

from site_agent.opening import open_site
from site_agent.site_home import SiteHome
from site_agent.worker_child import carry_out
from site_agent.worker_start import start_worker
from tests.site_with_known_noise import known_noise

TASK = "one-task"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["worker", TASK])
    parser.add_argument("--config", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    values = dict(text.split("=", 1) for text in options.set)
    home = options.home.resolve()
    if options.command == TASK:
        carry_out(lambda: open_site(options.config, SiteHome(home), values), known_noise(home))
    else:
        program = (sys.executable, "-m", "tests.worker_with_known_noise", TASK)
        start_worker(options.config, home, values, program=program)


if __name__ == "__main__":
    main()
