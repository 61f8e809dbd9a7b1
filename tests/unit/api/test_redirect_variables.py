"""REDIRECT_URL and REDIRECT_QUERY_STRING."""

from __future__ import annotations

from pathlib import Path

from pyhttpd.api.redirect_variables import redirect_variables
from tests.support.requests import configure, make_request


def test_of_a_request_of_the_clients_own(tmp_path: Path) -> None:
    assert redirect_variables(make_request(configure("", tmp_path))) == {}


def test_of_an_internal_redirect(tmp_path: Path) -> None:
    configuration = configure("<Location /full>\nQualifyRedirectURL On\n</Location>", tmp_path)
    before = make_request(configuration, "/before", args="a=b")
    after = make_request(configuration, "/after", prev=before)
    assert redirect_variables(after) == {"REDIRECT_URL": "/before", "REDIRECT_QUERY_STRING": "a=b"}
    full = make_request(configuration, "/full/after", prev=before)
    assert redirect_variables(full)["REDIRECT_URL"] == "http://www.example/before?a=b"


def test_without_a_query(tmp_path: Path) -> None:
    configuration = configure("", tmp_path)
    after = make_request(configuration, "/after", prev=make_request(configuration, "/before"))
    assert redirect_variables(after) == {"REDIRECT_URL": "/before"}
