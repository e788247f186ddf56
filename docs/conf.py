"""How Sphinx builds the site: `make docs`. Nothing is fetched, so nothing here needs a network."""

import re
import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE / "_extensions"), str(_HERE.parent)]

project = "images-api"
author = "The maintainers of images-api"
copyright = author  # noqa: A001  Sphinx's name for it
_CONTRACT = (_HERE.parent / "openapi.yaml").read_text(encoding="utf-8")
version = release = re.search("(?m)^  version: (.+)$", _CONTRACT)[1]  # type: ignore[index]  # pyright: ignore[reportOptionalSubscript]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_llm.txt",
    "descriptions",
    "identifiers",
    "signatures",
    "unseen",
]

# Anchors as code hosts make them, so that a link to a heading leads there on both.
myst_heading_anchors = 3

# Docstrings are read in an editor first: what stands in single backticks is code.
default_role = "code"
autoclass_content = "both"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"images-api {release}"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_search_language = "en-identifiers"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#7a2e6d", "color-brand-content": "#7a2e6d"},
    "dark_css_variables": {"color-brand-primary": "#e79bd0", "color-brand-content": "#e79bd0"},
}

# Beside each page its Markdown, and an index of them all: https://llmstxt.org
llms_txt_suffix_mode = "append"
llms_txt_description = "A typed Python client of the Images API: it creates, edits and varies images, and never pays twice."
llms_txt_nested_enabled = False
llms_txt_full_build = True
llms_txt_suppress_unknown_node_warnings = ["meta"]
