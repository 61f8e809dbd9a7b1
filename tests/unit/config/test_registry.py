"""Rows and providers by name, and the order of modules in which they are found."""

from __future__ import annotations

from pyhttpd.api.module import Module, Provider
from pyhttpd.config.directive import GLOBAL, Args, Directive
from pyhttpd.config.registry import Registry


def module(name: str) -> Module:
    row = Directive("Shared", Args.take(str), GLOBAL, name)
    own = Directive(f"Own{name}", Args.take(str), GLOBAL, name)
    return Module(
        f"{name}_module", f"mod_{name}.c", directives=(row, own), providers=(Provider("group", "shared", name),)
    )


def owners_of(registry: Registry, name: str) -> list[str]:
    return [entry.owner.source for entry in registry.find(name)]


def test_the_newest_comes_first() -> None:
    one, two, three = module("one"), module("two"), module("three")
    registry = Registry([one, two])
    assert owners_of(registry, "shared") == ["mod_two.c", "mod_one.c"]
    assert registry.providers("group") == {"shared": "two"}
    registry.move_behind(one)
    registry.add(three, at=0)
    assert [owner.source for owner in registry.owners] == ["mod_three.c", "mod_two.c", "mod_one.c"]
    assert owners_of(registry, "SHARED") == ["mod_three.c", "mod_one.c", "mod_two.c"]
    assert registry.providers("group") == {"shared": "one"}
    assert owners_of(registry, "ownone") == ["mod_one.c"]
    assert sorted(registry.names()) == ["Ownone", "Ownthree", "Owntwo", "Shared"]
