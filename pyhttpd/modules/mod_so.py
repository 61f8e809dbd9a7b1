"""mod_so: LoadModule. What it does happens while the configuration is read; here it gets its name."""

from __future__ import annotations

from pyhttpd.api.module import Module
from pyhttpd.config.language import SO_DIRECTIVES

MODULE = Module("so_module", "mod_so.c", directives=SO_DIRECTIVES)
