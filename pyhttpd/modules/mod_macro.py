"""mod_macro: <Macro>, Use, UndefMacro. What it does happens while the configuration is read (config/macros.py)."""

from __future__ import annotations

from pyhttpd.api.module import Module
from pyhttpd.config.language import MACRO_DIRECTIVES

MODULE = Module("macro_module", "mod_macro.c", directives=MACRO_DIRECTIVES)
