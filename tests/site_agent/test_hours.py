"""The hours in which a site lets work begin."""

from datetime import datetime
from pathlib import Path

import pytest

from site_agent.hours import is_open
from site_agent.settings import SiteConfig
from tests.factories import site_values


@pytest.mark.parametrize(
    ("hours", "clock", "wanted"),
    [
        (None, "12:00", True),
        ("20:00-06:00", "23:59", True),
        ("20:00-06:00", "05:59", True),
        ("20:00-06:00", "06:00", False),
        ("20:00-06:00", "19:59", False),
        ("08:00-17:30", "08:00", True),
        ("08:00-17:30", "17:30", False),
    ],
)
def test_hours_may_pass_midnight(hours, clock, wanted):
    assert is_open(hours, datetime.fromisoformat(f"2026-11-27 {clock}")) is wanted


@pytest.mark.parametrize("hours", ["24:00-06:00", "9:00-10:00", "20:00", "29:59-06:00"])
def test_hours_that_no_clock_shows_are_refused(hours):
    with pytest.raises(ValueError, match="hours"):
        SiteConfig.model_validate(site_values(Path("notes")) | {"agent": {"hours": hours}})
