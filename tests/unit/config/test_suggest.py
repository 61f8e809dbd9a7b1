"""Hints for names that are not known."""

from __future__ import annotations

import pytest

from pyhttpd.config.loading import Modules
from pyhttpd.config.owners import known_modules, known_names, owner_of
from pyhttpd.config.suggest import Suggestions, for_module
from tests.unit.config.fakes import CATALOG


@pytest.fixture(scope="module")
def suggestions() -> Suggestions:
    modules = Modules(CATALOG)
    modules.compiled_in(with_mpm=True)
    return Suggestions(CATALOG, modules.registry)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("KeepAliv", "Did you mean KeepAlive?"),
        ("<Directry", "Did you mean <Directory>?"),
        ("RewritEngine",
         "Did you mean RewriteEngine? It is a directive of mod_rewrite, which pyhttpd does not have yet"),
        ("RewriteRule", "RewriteRule is a directive of mod_rewrite that pyhttpd does not have yet"),
        ("ServerSignature", "ServerSignature is a directive of Apache's core that pyhttpd does not have yet"),
        ("Extra", "Extra belongs to mod_extra: LoadModule extra_module modules/mod_extra.so"),
        ("MinSpareServers",
         "MinSpareServers belongs to the prefork MPM, but worker is loaded: put it inside "
         "<IfModule mpm_prefork_module>"),
        ("\ufeffListen", "The file begins with a byte order mark: save it as UTF-8 without one"),
        ("Qzxwv", None),
        ("x" * 5000, None),
    ],
)  # fmt: skip
def test_directive(suggestions: Suggestions, name: str, expected: str | None) -> None:
    assert suggestions.for_directive(name) == expected


def test_module() -> None:
    assert for_module("rewrite_module", CATALOG).startswith("pyhttpd does not have mod_rewrite yet.")
    assert for_module("extr_module", CATALOG).startswith("Did you mean extra_module?")
    assert for_module("mine_module", CATALOG).startswith("A module of your own is loaded by its Python name")


def test_owners() -> None:
    assert owner_of("rewriterule") == "mod_rewrite"
    assert owner_of("<Directory") == "core"
    assert owner_of("Listen") == "mpm_common"
    assert owner_of("Nope") is None
    assert len(known_names()) > 700
    assert "mod_proxy_http" in known_modules()  # it has no directives
