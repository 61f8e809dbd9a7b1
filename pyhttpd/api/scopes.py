"""All the scopes of a configuration, for checks that look at everything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from pyhttpd.config.configuration import Configuration, Scope


def all_scopes(configuration: Configuration) -> Iterator[Scope]:
    """Every section of every server once, those inside of others too. What stands outside sections is none."""
    seen: set[int] = set()  # virtual hosts have the main server's
    for server in configuration.servers:
        for scope in _inside(chain(server.directories, server.files, server.locations, server.ifs)):
            if id(scope) not in seen:
                seen.add(id(scope))
                yield scope


def _inside(scopes: Iterable[Scope]) -> Iterator[Scope]:
    for scope in scopes:
        yield scope
        yield from _inside(chain(scope.files, scope.ifs))
