"""Hints for names that are not known."""

from __future__ import annotations

import pytest

from pyhttpd.config.foreign import foreign_module
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
        ("php_admin_Value",
         "php_admin_Value belongs to mod_php, which is not one of Apache's own modules and cannot be loaded here: put "
         "it inside <IfModule mod_php.c>"),
        ("<Perl",
         "<Perl> belongs to mod_perl, which is not one of Apache's own modules and cannot be loaded here: put it "
         "inside <IfModule mod_perl.c>"),
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


@pytest.mark.parametrize(
    ("identifier", "module"),
    [("php_module", "mod_php"), ("php7_module", "mod_php"), ("evasive20_module", "mod_evasive"),
     ("mod_shib", "mod_shib"), ("security2_module", "mod_security2")],
)  # fmt: skip
def test_modules_of_others(identifier: str, module: str) -> None:
    assert for_module(identifier, CATALOG).startswith(f"{module} is not one of Apache's own modules")


def test_no_directive_of_apache_is_taken_for_another_one() -> None:
    assert [name for name in known_names() if foreign_module(name)] == []


def test_owners() -> None:
    assert owner_of("rewriterule") == "mod_rewrite"
    assert owner_of("<Directory") == "core"
    assert owner_of("Listen") == "mpm_common"
    assert owner_of("Nope") is None
    assert len(known_names()) > 700
    assert "mod_proxy_http" in known_modules()  # it has no directives
