"""Render our own templates, which write the modules that openapi-python-client doesn't know."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.generator.texts import docstring, wrapped


def render(template: str, **variables: Any) -> str:
    """Return the text of a template of this folder.

    Raises:
        jinja2.TemplateError: It isn't there, or is broken.
    """
    environment = Environment(  # noqa: S701  the templates write Python, not HTML
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"repr": repr, "docstring": _docstring}
    return environment.get_template(template).render(variables)


def _docstring(text: str | list[str], indent: str = "    ") -> str:
    return docstring([wrapped(each, indent) for each in ([text] if isinstance(text, str) else text)], indent)
