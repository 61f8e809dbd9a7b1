"""-L: where a directive may stand, in Apache's words."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pyhttpd.api.module import Module
from pyhttpd.cli.directives_dump import ALL_CLASSES, dump
from pyhttpd.config.directive import ACCESS, ANYWHERE, GLOBAL, RSRC, SECTIONS, Args, Context, Directive, Override

OUTSIDE = "only outside <Directory>, <Files>, <Location>, or <If>"
INSIDE = "only inside <Directory>, <Files>, <Location>, or <If>"


@dataclass(frozen=True)
class Settings:
    """What a module with a per-directory configuration has."""


@pytest.mark.parametrize(
    ("contexts", "override", "expected"),
    [
        (GLOBAL, Override.NONE, f"\tAllowed in *.conf {OUTSIDE}\n"),
        (RSRC, Override.NONE, f"\tAllowed in *.conf {OUTSIDE}\n"),
        (SECTIONS, Override.NONE, f"\tAllowed in *.conf {INSIDE}\n"),
        (RSRC | SECTIONS, Override.NONE, "\tAllowed in *.conf anywhere\n"),
        (ANYWHERE, Override.FILEINFO,
         "\tAllowed in *.conf anywhere and in .htaccess\n\twhen AllowOverride includes FileInfo\n"),
        (ANYWHERE, ALL_CLASSES, "\tAllowed in *.conf anywhere and in .htaccess\n\twhen AllowOverride isn't None\n"),
        (ANYWHERE, Override.NONE, "\tAllowed in *.conf anywhere and in .htaccess\n\twhen AllowOverride isn't None\n"),
        (ACCESS, Override.AUTHCONFIG | Override.LIMIT,
         f"\tAllowed in *.conf {INSIDE} and in .htaccess\n\twhen AllowOverride includes AuthConfig or Limit\n"),
        (Context.HTACCESS, Override.INDEXES | Override.OPTIONS,
         f"\tAllowed in *.conf {INSIDE} and in .htaccess\n\twhen AllowOverride includes Options or Indexes\n"),
    ],
)  # fmt: skip
def test_contexts(contexts: Context, override: Override, expected: str) -> None:
    row = Directive("Frob", Args.take(str), contexts, "What to frob", override=override)
    module = Module("frob_module", "mod_frob.c", per_dir=Settings, directives=(row,))
    assert dump([module]) == f"Frob (mod_frob.c)\n\tWhat to frob\n{expected}"


def test_a_module_without_a_configuration_per_directory_is_told() -> None:
    row = Directive("<IfFrob", Args.raw(), ANYWHERE, "", override=ALL_CLASSES, section=True)
    assert dump([Module("frob_module", "mod_frob.c", directives=(row,))]) == (
        "<IfFrob (mod_frob.c)\n\tAllowed in *.conf anywhere [no per-dir config] and in .htaccess\n"
        "\twhen AllowOverride isn't None\n"
    )
