"""pyhttpdctl status and fullstatus: pages as text, and what is said when there is none."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pyhttpd.cli import status
from pyhttpd.cli.options import Options, parse

AUTO = (
    """\
127.0.0.1
ServerVersion: pyhttpd/0.1.0 (Unix)
ServerMPM: prefork
ServerUptime: 1 hour 2 minutes
BusyWorkers: 1
IdleWorkers: 4
Scoreboard: W____..............................................................."""
    + "." * 6
)


class Pages(BaseHTTPRequestHandler):
    """A status page, a page that is forbidden, and nothing else."""

    def do_GET(self) -> None:
        pages = {
            "/server-status?auto": (200, AUTO),
            "/server-status": (200, "<title>x</title><h1>State</h1><pre>_W\n..</pre><dl><dt>a &amp; b</dt></dl>"),
            "/closed?auto": (403, ""),
        }
        code, body = pages.get(self.path, (404, ""))
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing to the terminal."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Pages) as pages:
        thread = Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{pages.server_port}"
        pages.shutdown()
        thread.join()


def test_status(server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STATUSURL", f"{server}/server-status")
    assert status.print_status(Options(), full=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "Server Status for 127.0.0.1",
        "",
        "ServerVersion: pyhttpd/0.1.0 (Unix)",
        "ServerMPM:     prefork",
    ]
    rows = lines[lines.index("") + 1 :]
    rows = rows[rows.index("") + 1 :]
    assert rows[0] == "W____" + "." * 59
    assert set(rows[1]) == {"."}
    assert rows[-1].endswith("no current process")


def test_fullstatus(server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STATUSURL", f"{server}/server-status")
    assert status.print_status(Options(), full=True) == 0
    assert capsys.readouterr().out == "State\n\n_W\n..\n\na & b\n"


@pytest.mark.parametrize(
    ("path", "words"),
    [("/missing", ["404", "SetHandler server-status"]), ("/closed", ["403", "Require"])],
)
def test_no_page(
    server: str, path: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATUSURL", server + path)
    assert status.print_status(Options(), full=False) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"pyhttpdctl: {server}{path}: ")
    assert all(word in err for word in words)


@pytest.mark.parametrize("url", ["ftp://localhost/x", "nonsense", "http://localhost:port/"])
def test_a_wrong_url(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STATUSURL", url)
    assert status.print_status(Options(), full=False) == 1
    assert capsys.readouterr().err.startswith(f"pyhttpdctl: {url}: ")


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("STATUSURL", f"http://127.0.0.1:{port}/server-status")
    assert status.print_status(Options(), full=False) == 1
    assert capsys.readouterr().err == f"pyhttpdctl: http://127.0.0.1:{port}/server-status: Connection refused\n"


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("8080", "http://localhost:8080/server-status"),
        ("127.0.0.1:81", "http://localhost:81/server-status"),
        ("192.0.2.1:81", "http://192.0.2.1:81/server-status"),
        ("[2001:db8::1]:81", "http://[2001:db8::1]:81/server-status"),
    ],
)
def test_the_url_is_that_of_the_first_listen_line(listen: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "httpd.conf"
    path.write_text(f"Listen {listen}\nListen 9999\nServerName x\nDocumentRoot {tmp_path}\n")
    assert status.status_url(parse(["-f", str(path)])) == url


def test_a_port_that_the_kernel_chose_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "httpd.conf"
    path.write_text(f"Listen 127.0.0.1:0\nServerName x\nDocumentRoot {tmp_path}\n")
    with pytest.raises(status.StatusError, match="STATUSURL"):
        status.status_url(parse(["-f", str(path)]))


def test_blank_lines_are_not_piled_up() -> None:
    html = "<p>a</p><hr><dl><dt> b\n c</dt>\n<dt>d</dt></dl><table><tr><th>e<th>f</tr><tr><td>g</tr></table>"
    assert status.page_as_text(html) == "a\n\nb c\nd\n\ne  f\ng\n"


def test_pages_with_lists_and_links_as_text() -> None:
    html = (
        "<header><h1>State</h1><dl><dt><span>MPM:</span> worker</dt></dl></header><div><ul>\n<li>a</li>\n<li>b <b>c</b>"
        '</li></ul></div><input type="checkbox" id="x"><label for="x">only</label><p><a>x</a> <a>y</a></p>'
    )
    assert status.page_as_text(html) == "State\n\nMPM: worker\n\na\nb c\n\nx y\n"
