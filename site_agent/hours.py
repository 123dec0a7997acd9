"""The hours in which a site lets work begin."""

from datetime import datetime


def is_open(hours: str | None, now: datetime) -> bool:
    """Whether local time `now` is within hours such as 20:00-06:00; without any, always."""
    if hours is None:
        return True
    start, end = hours.split("-")
    clock = now.strftime("%H:%M")
    if start <= end:
        return start <= clock < end
    return clock >= start or clock < end
