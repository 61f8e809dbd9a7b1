"""mod_version: <IfVersion>. What it does happens while the configuration is read; here it gets its name."""

from __future__ import annotations

from pyhttpd.api.module import Module
from pyhttpd.config.language import VERSION_DIRECTIVES

MODULE = Module("version_module", "mod_version.c", directives=VERSION_DIRECTIVES)
