"""The force_authn hook: a user is asked for even where nobody would have to be known."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest

from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import Request
from tests.unit.server.serving import Serving, status_of

TEXT = "<Location />\nAuthType Basic\nAuthName x\nAuthUserFile users\nRequire all granted\n</Location>"


@pytest.mark.parametrize(("forced", "statuses"), [(OK, [401, 200]), (DECLINED, [200, 200])])
def test_force(make_serving: Callable[..., Serving], forced: int, statuses: list[int]) -> None:
    def force(request: Request) -> int:
        return forced

    module = Module("x_module", "mod_x.c", hooks=(on(Phase.FORCE_AUTHN, force, pure=True),))
    serving = make_serving(TEXT, modules=[module])
    serving.page("a.txt", "hello")
    (serving.root / "users").write_text("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    field = f"Authorization: Basic {b64encode(b'ann:secret').decode()}"
    assert [status_of(serving.get("/a.txt", *fields)) for fields in ((), (field,))] == statuses
