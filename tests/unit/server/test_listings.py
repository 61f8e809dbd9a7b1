"""Listings of directories in which something is wrong, or very much; and when answers with SetEnvIf are kept."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.modules import autoindex_entries
from pyhttpd.server import answer_memo
from pyhttpd.util.wildcard import compile_wildcard
from tests.support.memos import of_memos
from tests.support.servers import AS_ROOT
from tests.unit.server.serving import Serving, parts, status_of

Make = Callable[..., Serving]
LISTED = "<Location />\nOptions +Indexes\n</Location>\nIndexOptions FancyIndexing\n"


@pytest.fixture
def listing(make_serving: Make) -> Serving:
    return make_serving(LISTED)


def names(answer: bytes) -> list[str]:
    assert status_of(answer) == 200
    return re.findall(r'^.*?<a href="([^?"]*)">', parts(answer)[2].decode("latin-1"), re.MULTILINE)


def test_names_are_bytes_and_escaped(listing: Serving) -> None:
    listing.page("d/x", "")
    directory = os.fsencode(listing.root / "htdocs" / "d")
    for name in (b"a\nb", b"<i>&\"'", b"\xff", "\u00e9".encode(), b"a:b", b"%41", b"?q#f", b" "):
        (Path(os.fsdecode(directory)) / os.fsdecode(name)).write_text("")
    text = parts(listing.get("/d/"))[2]
    assert names(listing.get("/d/")) == [
        "/", "%20", "%2541", "%3ci%3e&amp;%22'", "%3fq%23f", "a%0ab", "./a:b", "x", "%c3%a9", "%ff",
    ]  # fmt: skip
    assert b"&lt;i&gt;&amp;&quot;'</a>" in text
    assert b"<i>" not in text


def test_what_is_neither_file_nor_directory_is_left_out(listing: Serving) -> None:
    listing.page("d/a.txt", "a")
    directory = listing.root / "htdocs" / "d"
    (directory / "nowhere").symlink_to("gone")
    (directory / "loop").symlink_to("loop")
    (directory / "link").symlink_to("a.txt")
    (directory / "up").symlink_to("..")
    os.mkfifo(directory / "fifo")
    assert names(listing.get("/d/")) == ["/", "a.txt", "link", "up/"]
    assert "error" not in listing.log


def test_entries_that_vanish_while_they_are_listed(listing: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.txt", "b.txt", "c/x.txt"):
        listing.page(f"d/{name}", "x")
    read = autoindex_entries._read

    def vanishing(directory: Any) -> Iterator[os.DirEntry[bytes]]:
        found = list(read(directory))
        for item in found:
            if item.name == b"b.txt":
                os.unlink(item.path)
        (listing.root / "htdocs/d/c/x.txt").unlink()
        (listing.root / "htdocs/d/c").rmdir()
        yield from found

    monkeypatch.setattr(autoindex_entries, "_read", vanishing)
    assert names(listing.get("/d/")) == ["/", "a.txt"]


def test_a_directory_that_breaks_off_is_listed_so_far(listing: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    listing.page("d/a.txt", "x")

    class Breaking:
        def __init__(self, path: bytes) -> None:
            self.inner = scandir(path)

        def __enter__(self) -> Breaking:
            return self

        def __exit__(self, *_: object) -> None:
            self.inner.close()

        def __iter__(self) -> Iterator[os.DirEntry[bytes]]:
            yield next(self.inner)
            raise OSError(5, "Input/output error")

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", Breaking)
    assert names(listing.get("/d/")) == ["/", "a.txt"]


@pytest.mark.skipif(AS_ROOT, reason="root may open everything")
def test_a_directory_that_cannot_be_read(listing: Serving) -> None:
    listing.page("d/a.txt", "x")
    (listing.root / "htdocs/d").chmod(0o311)
    assert status_of(listing.get("/d/")) == 403
    assert "AH01275" in listing.log


def test_a_directory_that_is_gone_before_it_is_read(listing: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    listing.page("d/a.txt", "x")

    def gone(path: bytes) -> Any:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "scandir", gone)
    assert status_of(listing.get("/d/")) == 403
    assert "AH01275: Can't open directory for index" in listing.log


def test_without_the_option_there_is_no_listing(make_serving: Make) -> None:
    serving = make_serving("DirectoryIndex a b\n")
    serving.page("d/a.txt", "x")
    assert status_of(serving.get("/d/")) == 403
    assert "AH01276: Cannot serve directory" in serving.log
    assert "No matching DirectoryIndex (a,b) found" in serving.log


def test_a_pattern_of_a_client_takes_no_time(listing: Serving) -> None:
    """With a matcher that goes back behind each star this test would not end."""
    for index in range(20):
        listing.page(f"d/{'a' * 200}{index}", "")
    assert names(listing.get(f"/d/?P={'*a' * 300}b")) == ["/"]
    assert len(names(listing.get(f"/d/?P={'*a' * 60}*"))) == 21
    assert names(listing.get(f"/d/?P={'[' * 500}")) == ["/"]
    known = compile_wildcard.cache_info().currsize
    for index in range(30):
        listing.get(f"/d/?P=x{index}*")
    assert compile_wildcard.cache_info().currsize == known  # no client fills the memo


def test_a_long_listing_is_sent_in_pieces(listing: Serving) -> None:
    for index in range(300):
        listing.page(f"d/{index:04d}", "")
    _, fields, body = parts(listing.get("/d/"))
    assert fields["transfer-encoding"] == "chunked"
    assert body.count(b'<a href="0') == 300
    assert status_of(listing.get("/d/", "Range: bytes=0-9")) == 200
    _, fields, _ = parts(listing.get("/d/?P=0001"))
    assert "content-length" in fields


def test_header_and_readme_do_not_lead_in_circles(make_serving: Make) -> None:
    lines = (
        "HeaderName ./\nReadmeName /server-status\n<Location /server-status>\nSetHandler server-status\n</Location>\n"
    )
    serving = make_serving(LISTED + lines)
    serving.page("d/a.txt", "x")
    assert names(serving.get("/d/")) == ["/", "a.txt"]


def test_a_listing_is_never_kept(listing: Serving) -> None:
    listing.page("d/a.txt", "x")
    for _ in range(3):
        assert names(listing.get("/d/")) == ["/", "a.txt"]
    listing.page("d/b.txt", "x")
    os.utime(listing.root / "htdocs/d", (1, 1))
    assert names(listing.get("/d/")) == ["/", "a.txt", "b.txt"]


@of_memos
@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ("", 1),
        ("SetEnvIf User-Agent . X\nBrowserMatch b nokeepalive\nSetEnvIf Request_URI a Y", 1),
        ("SetEnvIf Server_Addr ^127 X", 1),
        ("<Files *>\nSetEnvIf Request_Method G X\n</Files>", 1),
        ("SetEnvIf Remote_Addr ^127 X", 0),
        ("SetEnvIf Remote_Host . X", 0),
        ("SetEnvIfExpr true X", 0),
    ],
)
def test_what_keeps_an_answer_from_being_kept(
    lines: str, kept: int, make_serving: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_memo, "YOUNG", -3600.0)
    serving = make_serving(f'LogLevel warn\n{lines}\nHeader set X "%{{X}}e"\n')
    serving.page("a.txt", "a")
    answers = [parts(serving.get("/a.txt", "User-Agent: a")) for _ in range(3)]
    assert len(serving.service.answers) == kept
    assert answers[0][1]["x"] == answers[2][1]["x"] == ("1" if "X" in lines else "(null)")
