"""ServerTokens: the Server field has the same form in both servers."""

from __future__ import annotations

import re

from tests.conftest import Start

TOKENS = ("Prod", "ProductOnly", "Major", "Minor", "Min", "Minimal", "OS", "Full")


def test_server_tokens(pyhttpd: Start, apache: Start) -> None:
    said = []
    for start in (apache, pyhttpd):
        server = start()
        fields = []
        for token in TOKENS:
            server.configure(f"ServerTokens {token}\nServerSignature On\n")
            server.reload("HUP")  # after USR1 a child of the old generation may still answer once
            answer = server.get("/none")
            address = re.search("<address>(.*) Server at 127.0.0.1 Port 80</address>", answer.body.decode())
            assert address is not None, answer
            field = answer.header("Server") or ""
            assert address[1] == field
            fields.append(re.sub(r"\d+", "N", re.sub(r"^[A-Za-z]+", "NAME", field)).replace("Debian", "Unix"))
        said.append(fields)
    theirs, ours = said
    assert theirs[2:6] == ["NAME/N", "NAME/N.N", "NAME/N.N.N", "NAME/N.N.N"]
    assert ours == theirs
