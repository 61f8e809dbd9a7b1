"""The .htaccess files of requests: when they are looked for, read and kept, and that nothing in one raises."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyhttpd.api.log import Level
from pyhttpd.config.htaccess import HtaccessReader
from pyhttpd.server import answer_memo
from pyhttpd.server import htaccess as htaccess_file
from pyhttpd.server.htaccess import HtaccessFiles
from pyhttpd.server.request import ServerRequest
from tests.unit.server.serving import Serving, status_of

OLD = 1_577_934_245
ALL = "<Directory />\nAllowOverride None\n</Directory>\n<Directory {root}/htdocs>\nAllowOverride All\n</Directory>\n"


def serve(root: Path, text: str = ALL, level: Level = Level.DEBUG) -> Serving:
    return Serving(root, text.replace("{root}", str(root)), level=level)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    made = serve(tmp_path)
    made.page("a/x.txt", "x\n")
    made.page("a/b/y.txt", "y\n")
    yield made
    made.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were parsed, one after the other."""
    found: list[str] = []
    read = HtaccessReader.read

    def noting(self: HtaccessReader, path: str, *rest: object) -> object:
        found.append(path)
        return read(self, path, *rest)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(HtaccessReader, "read", noting)
    return found


def test_one_that_does_not_change_is_read_once(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    path = serving.page("a/.htaccess", "SetEnv A b\n")
    for _ in range(3):
        assert status_of(serving.get("/a/x.txt")) == 200
        assert status_of(serving.get("/a/b/y.txt")) == 200
    assert len(reads) == 6  # its ctime is young: it may change again within it
    reads.clear()
    monkeypatch.setattr(htaccess_file, "_SETTLED", -1.0)  # as if seconds had passed
    serving.get("/a/x.txt")
    serving.get("/a/x.txt")
    serving.get("/a/b/y.txt")
    assert reads == [str(path)]
    path.write_text("SetEnv A two\n")
    assert status_of(serving.get("/a/x.txt")) == 200
    assert reads == [str(path)] * 2
    path.unlink()
    assert status_of(serving.get("/a/x.txt")) == 200
    assert reads == [str(path)] * 2
    assert len(walker_files(serving)._kept) == 1


def walker_files(serving: Serving) -> HtaccessFiles:
    (walker,) = serving.service.pipeline.walkers.values()
    assert walker._htaccess is not None
    return walker._htaccess


def test_what_is_kept_is_bounded(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(htaccess_file, "_SETTLED", -1.0)
    monkeypatch.setattr(htaccess_file, "_MOST_FILES", 4)
    for number in range(20):
        serving.page(f"d{number}/x.txt", "x\n")
        serving.page(f"d{number}/.htaccess", f"SetEnv A {number}\n")
        assert status_of(serving.get(f"/d{number}/x.txt")) == 200
    files = walker_files(serving)
    assert len(files._kept) <= 4
    monkeypatch.setattr(htaccess_file, "_MOST_FILES", 512)
    monkeypatch.setattr(htaccess_file, "_MOST_BYTES", 1000)
    for number in range(20):
        serving.page(f"d{number}/.htaccess", f"# {'x' * 300}\n# {number}\n")
        serving.get(f"/d{number}/x.txt")
        assert files._bytes <= 1000
        assert sum(kept.size for kept in files._kept.values()) == files._bytes


def test_off_costs_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    stat = ServerRequest.stat

    def noting(self: ServerRequest, path: str) -> os.stat_result | None:
        looked.append(path)
        return stat(self, path)

    monkeypatch.setattr(ServerRequest, "stat", noting)
    serving = serve(tmp_path, ALL + "<Directory {root}/htdocs/off>\nAllowOverride None\n</Directory>\n")
    try:
        serving.page("off/x.txt", "x\n")
        serving.page("off/.htaccess", "Broken\n")
        assert status_of(serving.get("/off/x.txt")) == 200
        assert [path for path in looked if path.endswith(".htaccess")] == [f"{tmp_path}/htdocs/.htaccess"]
    finally:
        serving.close()


def test_without_any_override_nothing_is_loaded(tmp_path: Path) -> None:
    serving = serve(tmp_path, "<Directory />\nAllowOverride None\n</Directory>\n")
    try:
        (walker,) = serving.service.pipeline.walkers.values()
        assert walker._htaccess is None
    finally:
        serving.close()


def test_subrequests_do_not_look_again(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    find = HtaccessFiles._find

    def noting(self: HtaccessFiles, request: ServerRequest, directory: str, *rest: object) -> object:
        looked.append(directory)
        return find(self, request, directory, *rest)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(HtaccessFiles, "_find", noting)
    serving.page("a/index.html", "index\n")
    assert status_of(serving.get("/a/")) == 200
    root = f"{serving.root}/htdocs"
    assert looked == [f"{root}/", f"{root}/a/"]


def test_an_error_shows_its_line(serving: Serving) -> None:
    path = serving.page("a/.htaccess", "SetEnv A b\n  Foo bar\nOptions Baz\n")
    assert status_of(serving.get("/a/x.txt")) == 500
    lines = serving.log.splitlines()
    at = next(index for index, line in enumerate(lines) if "Invalid command" in line)
    assert "[core:alert]" in lines[at]
    assert f"{path}: Invalid command 'Foo', perhaps misspelled" in lines[at]
    rest = [line.strip() for line in lines[at + 1 :]]
    assert f"AH00526: Syntax error on line 2 of {path}:" in rest
    assert "2 |   Foo bar" in rest
    assert f"AH00526: Syntax error on line 3 of {path}:" in rest


def test_one_that_is_no_regular_file(serving: Serving) -> None:
    """Opening a FIFO would wait for ever, as Apache does; a NUL ends what anybody can have meant."""
    path = serving.root / "htdocs/a/.htaccess"
    os.mkfifo(path)
    assert status_of(serving.get("/a/x.txt")) == 403
    assert "AH00554: Access to file" in serving.log
    assert "AH00529: " in serving.log
    path.unlink()
    path.symlink_to("/dev/null")
    assert status_of(serving.get("/a/x.txt")) == 403
    path.unlink()
    path.write_bytes(b"SetEnv A b\n\0\n")
    assert status_of(serving.get("/a/x.txt")) == 500
    assert f"{path}: There is a NUL byte here" in serving.log


def test_macros_of_the_main_configuration(tmp_path: Path) -> None:
    """They are there in every file, whatever another one does to them."""
    macro = "LoadModule macro_module modules/mod_macro.so\n<Macro Gone $what>\nRedirect $what /a/x.txt\n</Macro>\n"
    serving = serve(tmp_path, f"{macro}{ALL}")
    try:
        serving.page("a/x.txt", "x\n")
        for text, status in (("Use Gone gone\n", 410), ("UndefMacro Gone\n", 200), ("Use gone 404\n", 404),
                             ("<Macro Gone>\n</Macro>\nUse Gone\n", 200), ("Use Gone gone\n", 410)):  # fmt: skip
            serving.page("a/.htaccess", text)
            assert status_of(serving.get("/a/x.txt")) == status, text
        serving.page("a/.htaccess", "Use Gone\n")
        assert status_of(serving.get("/a/x.txt")) == 500
        assert "used with 0 arguments instead of 1" in serving.log
    finally:
        serving.close()


def test_a_condition_on_a_file_is_asked_each_time(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    monkeypatch.setattr(htaccess_file, "_SETTLED", -1.0)
    flag = serving.root / "flag"
    serving.page("a/.htaccess", f"<IfFile {flag}>\nRedirect gone /a/x.txt\n</IfFile>\n")
    assert status_of(serving.get("/a/x.txt")) == 200
    flag.write_text("")
    assert status_of(serving.get("/a/x.txt")) == 410
    assert len(reads) == 2


def test_deep_directories(serving: Serving) -> None:
    """Each with a file of its own; and a path that is not there, as deep as a path can be."""
    deep = "/".join(["d"] * 40)
    at = ""
    for number in range(40):
        at += "d/"
        serving.page(f"{at}.htaccess", f"SetEnv A{number} b\n")
    serving.page(f"{deep}/x.txt", "x\n")
    assert status_of(serving.get(f"/{deep}/x.txt")) == 200
    assert status_of(serving.get("/e" * 1900)) in (403, 404)
    assert "PH00111" not in serving.log


LINES = st.sampled_from([
    "SetEnv A b", "Header set X y", "Options -Indexes", "Foo", "<Files x.txt>", "</Files>", "<If true>", "</If>",
    "<Else>", "</Else>", "<ElseIf \"-n 'x'\">", "</ElseIf>", "<IfModule mod_alias.c>", "</IfModule>",
    "<IfModule nope>", "Require all granted", "<RequireAll>", "</RequireAll>", "<Limit GET>", "</Limit>",
    "ErrorDocument 404 /a/b", "Redirect /a/x.txt /b", "<FilesMatch (>", "</FilesMatch>", "<If", ">", "\\", "\"",
    "SetEnv X ${", "<Macro m $a>", "</Macro>", "Use m 1", "AddType text/x .y", "\0", "\xff", "<>", "</>",
])  # fmt: skip
TEXTS = st.one_of(st.binary(max_size=300), st.lists(LINES, max_size=12).map(lambda lines: "\n".join(lines).encode()))


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Serving]:
    with tempfile.TemporaryDirectory(prefix="pyhttpd-test-") as root:
        serving = serve(Path(root), level=Level.ALERT)
        serving.page("a/x.txt", "x\n")
        yield serving
        serving.close()


@settings(max_examples=300, deadline=None)
@given(content=TEXTS)
@example(content=b"<If true>\n" * 150 + b"</If>\n" * 150)
@example(content=b"<Macro m>\nUse m\n</Macro>\nUse m\n")
@example(content=b"\\\n" * 10_000)
@example(content=b"SetEnv A " + b"b" * 100_000)
@example(content=b"<Files " + b"[" * 5000 + b">\n</Files>\n")
def test_arbitrary_bytes_give_an_answer(content: bytes, fuzzed: Serving) -> None:
    (fuzzed.root / "htdocs/a/.htaccess").write_bytes(content)
    with fuzzed.log_path.open("ab") as log:
        log.truncate(0)
    answers = [status_of(fuzzed.get(target, "Connection: close")) for target in ("/a/x.txt", "/a/none", "/a/")]
    assert set(answers) <= {200, 301, 302, 403, 404, 410, 405, 500}
    assert "Traceback" not in fuzzed.log
    assert "PH00111" not in fuzzed.log
    assert (500 in answers) <= (": " in fuzzed.log)  # a 500 says why


def test_a_kept_answer_goes_when_a_file_comes(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """That no file was there is part of what an answer depended on, and so is each that was."""
    for name in ("YOUNG", "_STRONG"):
        monkeypatch.setattr(answer_memo, name, -3600.0)
    monkeypatch.setattr(htaccess_file, "_SETTLED", -1.0)

    def statuses() -> list[int]:
        return [status_of(serving.get("/a/b/y.txt")) for _ in range(4)]

    assert statuses() == [200] * 4
    upper = serving.page("a/.htaccess", "Require all denied\n")
    assert statuses() == [403] * 4
    lower = serving.page("a/b/.htaccess", "Require all granted\n")
    assert statuses() == [200] * 4
    lower.write_text("Redirect gone /a/b/y.txt\n")
    assert statuses() == [403] * 4
    upper.unlink()
    assert statuses() == [410] * 4
    lower.write_text("Foo\n")
    assert statuses() == [500] * 4
    lower.unlink()
    assert statuses() == [200] * 4


def test_off_they_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where AllowOverride is None the file itself is all that the disk is asked about."""
    made = serve(tmp_path, "<Directory />\nAllowOverride None\n</Directory>\nAnswerMemo Off\n")
    try:
        made.page("a/b/y.txt", "y\n")
        made.page("a/.htaccess", "Foo\n")
        asked: list[str] = []
        for name in ("stat", "lstat", "open", "access", "listdir", "scandir"):
            function = getattr(os, name)

            def noting(path: object, *rest: object, function: object = function, **more: object) -> object:
                asked.append(str(path))
                return function(path, *rest, **more)  # type: ignore[operator]  # it is one of os

            monkeypatch.setattr(os, name, noting)
        assert status_of(made.get("/a/b/y.txt")) == 200
        assert set(asked) == {str(tmp_path / "htdocs/a/b/y.txt")}
        assert len(asked) == 2  # stat and open
    finally:
        monkeypatch.undo()
        made.close()
