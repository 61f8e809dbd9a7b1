"""Hints for names that are not known."""

from __future__ import annotations

import pytest

from pyhttpd import boot
from pyhttpd.config.foreign import foreign_module
from pyhttpd.config.loading import Modules
from pyhttpd.config.nodes import Location
from pyhttpd.config.owners import known_modules, known_names, owner_of
from pyhttpd.config.suggest import Suggestions, did_you_mean, for_module
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
        ("UNCList", "UNCList is a directive of Apache on Windows alone: take it out"),
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


@pytest.mark.parametrize("mpm", ["prefork", "worker"])
def test_every_directive_of_apache_is_explained(mpm: str) -> None:
    """Those that no loaded module has are said to be of their module, with its LoadModule line if pyhttpd has it; a
    misspelled one is known as what it should be."""
    modules = Modules(boot.catalog())
    modules.compiled_in(with_mpm=False)
    modules.load(f"mpm_{mpm}_module", "x.so", Location("httpd.conf", 1))
    unknown = [name for name in known_names() if not modules.registry.find(name)]
    assert 300 < len(unknown) < 700
    for name in unknown:
        suggestions = Suggestions(boot.catalog(), modules.registry)  # a new one, which does not tire
        hint = suggestions.for_directive(name) or ""
        module = owner_of(name) or ""
        where = {"core": "core", "event": "event MPM", "mpm_common": "MPM"}.get(module, module)
        assert where in hint or " alone: take it out" in hint, (name, hint)
        owners = [identifier for identifier, owner in boot.catalog().loadable.items()
                  if any(row.name.lower() == name.lower() for row in owner.directives)]  # fmt: skip
        if owners:
            assert f"LoadModule {owners[0]}" in hint or f"<IfModule {owners[0]}>" in hint, (name, hint)
        misspelled = name[:-2] + name[-1] if len(name) > 6 else f"{name}x"
        if not modules.registry.find(misspelled) and owner_of(misspelled) is None and "alone" not in hint:
            meant = suggestions.for_directive(misspelled) or ""
            assert meant.startswith("Did you mean "), (misspelled, meant)


def test_a_misspelled_directive_of_a_module_that_could_be_loaded() -> None:
    modules = Modules(boot.catalog())
    modules.compiled_in(with_mpm=True)
    assert Suggestions(boot.catalog(), modules.registry).for_directive("<Macr") == (
        "Did you mean <Macro>? <Macro> belongs to mod_macro: LoadModule macro_module modules/mod_macro.so"
    )


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


@pytest.mark.parametrize(
    ("word", "choices", "meant"),
    [
        ("yes", ("On", "Off"), "On"),
        ("no", ("On", "Off"), "Off"),
        ("no", ("none", "on"), "on"),
        ("Onn", ("On", "Off"), "On"),
        ("DSN", ("on", "off", "dns"), "dns"),
        ("=>", ("=", "==", "<", "<=", ">", ">="), ">="),
        ("GTE", ("PUT", "GET", "POST"), "GET"),
        ("tmp", ("permanent", "temp"), "temp"),
        ("fobar", ("foobar",), "foobar"),
        ("ON", ("On", "Off"), None),
        ("maybe", ("On", "Off"), None),
        ("x", ("y", "xy"), None),
        ("", ("On",), None),
        ("On", (), None),
    ],
)
def test_did_you_mean(word: str, choices: tuple[str, ...], meant: str | None) -> None:
    assert did_you_mean(word, choices) == (None if meant is None else f"Did you mean {meant}?")
