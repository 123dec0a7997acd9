"""Find and read the policy files that a site.yaml names, or those that are installed."""

from importlib import resources
from pathlib import Path

from fedclinic.config import parse_document
from fedclinic.deid.policy import DeidentificationPolicies, DeidentificationPolicy, parse_policy
from fedclinic.documents import read_written
from site_agent.settings import DeidentificationChoice


def deidentification_policy(choice: DeidentificationChoice, config: Path) -> DeidentificationPolicy:
    """Read the site's own or the installed policy; a mistake in it is told with its line."""
    text = policy_text(choice.policy, config, "deidentification.yaml")
    source = choice.policy or "policies/deidentification.yaml"
    parse_document(text, DeidentificationPolicies, source=source)
    return parse_policy(text, mode=choice.mode, profile=choice.profile)


def policy_text(chosen: str | None, config: Path, installed: str) -> str:
    """Text of the file that site.yaml names, relative to it, or of the installed one.

    Raises:
        ConfigError: if it cannot be read.
    """
    if chosen is None:
        return resources.files("policies").joinpath(installed).read_text(encoding="utf-8")
    return read_written(config.parent / chosen, "policy")
