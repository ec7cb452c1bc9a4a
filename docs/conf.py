"""Sphinx's settings. `make docs` builds the book into docs/_build/html; a warning is an error.

The order of the pages is that of index.md. What a machine knows better than a writer (options,
keys, exit codes, tables) is made from the package when the book is built: `_ext/made.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import exerkine_omics  # noqa: E402

project = "exerkine_omics"
author = "The exerkine_omics developers"
project_copyright = author
version = release = exerkine_omics.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "made",  # these four are in _ext; what is made has links, which pages turns
    "pages",
    "mathml",
    "tables",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_ext", "_static", "_templates", "conf.py"]
root_doc = "index"
default_role = "py:obj"  # a name in single backticks of a docstring leads to its page

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests/test_examples.py and tests/test_docs.py run them
nb_custom_formats = {".py": "pages.read_notebook"}

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
numpydoc_show_class_members = False

html_theme = "sphinx_book_theme"
html_title = f"exerkine_omics {version}"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "max_navbar_depth": 3,
    "home_page_in_toc": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
