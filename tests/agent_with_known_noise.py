"""A site's agent whose work process has known noise; else as `fedclinic-site run`."""

import sys
from pathlib import Path

from site_agent.poll import run_agent
from site_agent.site_home import SiteHome

PROGRAM = (sys.executable, "-m", "tests.site_with_known_noise")

if __name__ == "__main__":
    run_agent(Path(sys.argv[1]), SiteHome(Path(sys.argv[2]).resolve()), {}, program=PROGRAM)
