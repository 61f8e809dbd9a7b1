"""What is pickled as a call comes back equal, and whole."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

from pyhttpd.api.core_config import CoreServer
from pyhttpd.config.configuration import Scope, ScopeKind, ServerRecord, VhostAddress
from pyhttpd.config.nodes import Location


def test_every_field_comes_back() -> None:
    place = Location("httpd.conf", 3, 5)
    core = replace(CoreServer(), server_name="x", server_aliases=("a", "b"), timeout=7.0, trace="off")
    scope = Scope(ScopeKind.DIRECTORY, "/a/", None, False, {CoreServer: {"timeout": 1.0}}, place)
    nested = replace(scope, kind=ScopeKind.FILES, pattern="*.x", wild=True, files=(scope,), ifs=(scope,))
    server = ServerRecord(
        place,
        (VhostAddress("*", 80),),
        {CoreServer: core},
        {CoreServer: {"trace": "on"}},
        (scope, nested),
        (nested,),
        (),
    )
    back = pickle.loads(pickle.dumps([server, scope, core]))
    assert back == [server, scope, core]
    assert back[0].directories[0] is back[1], "what was shared is shared"
    for each in (server, scope, core):
        assert len(each.__reduce__()[1]) == len(fields(each))
