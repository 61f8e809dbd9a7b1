"""What is said about programs that answer requests stands in CoreDir, for the modules that start them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.api.core_config import CoreDir, Limit
from tests.support.requests import configure, make_request, refusals


def test_what_is_kept(tmp_path: Path) -> None:
    text = (
        "RLimitCPU 10 20\nRLimitMEM max\nRLimitNPROC 5\nCGIVar REQUEST_URI Current-URI\n"
        "<Location />\nRLimitNPROC MAX 7\nCGIPassAuth On\n</Location>\n"
    )
    configuration = configure(text, tmp_path)
    outside = CoreDir(**configuration.main.base[CoreDir])
    assert outside.program_limits == {"RLimitCPU": Limit(10, 20), "RLimitMEM": Limit(None), "RLimitNPROC": Limit(5)}
    assert outside.cgi_vars == {"REQUEST_URI": "current-uri"}
    assert outside.cgi_pass_auth is False
    inside = make_request(configuration, "/").config(CoreDir)
    assert inside.program_limits == {**outside.program_limits, "RLimitNPROC": Limit(None, 7)}
    assert inside.cgi_pass_auth is True


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("RLimitCPU x", "RLimitCPU takes a number, not 'x'"),
        ("RLimitMEM 1 max", "RLimitMEM takes a number, not 'max'"),
        ("CGIVar request_uri current-uri", 'Unrecognized CGI variable: "request_uri"'),
        ("CGIVar REQUEST_URI x", "Valid rules for REQUEST_URI are 'current-uri' and 'original-uri'"),
    ],
)
def test_refusals(line: str, message: str, tmp_path: Path) -> None:
    assert refusals(f"{line}\n", tmp_path) == [message]
