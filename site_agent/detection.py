"""Open a site's detector alone, in a process that has no need of ledger, store or training."""

from collections.abc import Mapping
from pathlib import Path

from fedclinic.deid.deidentify import Deidentifier
from site_agent.detection_process import OpenDetector
from site_agent.keys import load_secret
from site_agent.policy_files import deidentification_policy
from site_agent.roster import read_roster
from site_agent.settings import load_site_config
from site_agent.site_home import SiteHome


def open_detector(path: Path, home: SiteHome, substitutions: Mapping[str, str]) -> OpenDetector:
    """Load detectors, dictionaries, the site's model and roster, which takes a second or two.

    Raises:
        ConfigError: if a document is missing or wrong.
        ModelError: if the site's model is not the one that site.yaml names.
        PolicyError: if the policy asks for a site model, and there is none.
        DataError: if the roster cannot be read.
    """
    config = load_site_config(path, substitutions)
    policy = deidentification_policy(config.deidentification, path)
    choice = config.deidentification.model
    model = None
    if choice is not None:
        from site_agent.site_model import load_site_model  # noqa: PLC0415 - few sites have one

        model = load_site_model(choice)
    from site_agent.detectors import make_detector  # noqa: PLC0415 - after the model's libraries

    roster = read_roster(config.roster)
    deidentifier = Deidentifier(
        policy=policy,
        detector=make_detector(policy, model),
        key=load_secret(home.surrogate_key),
        cohort_values=roster.values,
    )
    return OpenDetector(deidentifier, roster)
