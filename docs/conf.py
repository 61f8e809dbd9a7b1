"""How Sphinx builds the manual: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the manual is made from this checkout's rows

import pyhttpd

project = "pyhttpd"
author = "the pyhttpd authors"
copyright = "the pyhttpd authors"
release = version = pyhttpd.__version__
language = "en"

extensions = ["scripts.manual.domain"]
primary_domain = "httpd"
default_role = "httpd:dir"
highlight_language = "apacheconf"
nitpicky = True
exclude_patterns = ["_build"]
smartquotes = False  # quotes in these texts are those of a configuration file

html_theme = "furo"
html_title = "pyhttpd"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_copy_source = False
html_use_index = False  # the table of all directives is the index
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "tango"
pygments_dark_style = "github-dark"

today = f"pyhttpd {release}"  # in the place of a date, so that the man pages change only when their text does
man_show_urls = False
man_pages = [
    ("programs/pyhttpd", "pyhttpd", "a web server that reads Apache's configuration files", "", 8),
    ("programs/pyhttpdctl", "pyhttpdctl", "control a pyhttpd server", "", 8),
    ("programs/pyhttpd-rotatelogs", "pyhttpd-rotatelogs", "write a piped log to files that rotate", "", 8),
    ("programs/pyhttpd-htpasswd", "pyhttpd-htpasswd", "manage the password files of Basic authentication", "", 1),
]
