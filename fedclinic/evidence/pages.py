"""The one door to the template engine: a template's name and plain values in, text out."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"


def render_html(template: str, values: dict[str, Any]) -> str:
    """Fill a page; every value is escaped, unless it is `Markup` of our own charts."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values).lstrip()
