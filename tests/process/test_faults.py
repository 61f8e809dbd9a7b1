"""The world goes wrong: no descriptors, no room for logs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support.clients import Answer, BrokenError, HalfRequests
from tests.support.servers import AS_ROOT, SLOW


def test_descriptor_exhaustion(pyhttpd: Start) -> None:
    """Clients hold more connections than the child may have descriptors; afterwards it serves on."""
    limits = "StartServers 1\nThreadsPerChild 64\nMinSpareThreads 1\nMaxSpareThreads 128\nMaxRequestWorkers 64"
    server = pyhttpd(mpm="worker", limits=limits, descriptors=48)
    place = server.error_log.place()
    with HalfRequests(server.port, 60):
        server.wait_until(
            lambda: any("Too many open files" in line.line for line in server.error_log.lines(place)), SLOW, "EMFILE"
        )
        assert not server.ended

    def answer() -> Answer | None:
        try:
            return server.get("/a.txt")
        except BrokenError:  # by a child that leaves because of its shortage
            return None

    for _ in range(5):
        assert server.wait_until(answer, SLOW, "an answer").body == b"a\n"
    said = [line for line in server.error_log.lines(place) if "Too many open files" in line.line]
    server.expect(*(line.number for line in said if line.number))
    assert len(said) < 200, "the error log is flooded"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 128 KiB."""
    if not AS_ROOT:
        pytest.skip("only root can mount a file system")
    directory = Path("/tmp") / f"pyhttpd-test-disk-{os.getpid()}"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k,mode=755", "tmpfs", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        directory.rmdir()
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)
        shutil.rmtree(directory)


def test_a_full_disk_under_the_logs(small_disk: Path, pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(f"ErrorLog {small_disk}/error_log\nCustomLog {small_disk}/access_log test", mpm=mpm, start=False)
    server.error_log._file.path = small_disk / "error_log"
    server.start()
    children = server.children()
    unreadable = server.write("unreadable.txt", "x")
    unreadable.chmod(0)
    server.expect("AH00132", "AH00646", "PH00101", "PH00310")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
        try:
            while file.write(b"x"):
                pass
        except OSError:
            pass
    access_log = small_disk / "access_log"
    for _ in range(200):  # more than what is left in the last page of each log
        assert server.get("/a.txt").status == 200
        assert server.get("/unreadable.txt").status == 403
    assert set(children) <= set(server.children())
    filler.unlink()
    place = server.error_log.place()
    for _ in range(20):  # every child that has lost lines says so with its next one
        assert server.get("/unreadable.txt").status == 403
    server.await_log("PH00101", place)
    lines = access_log.read_text().splitlines()
    assert lines[-1].endswith('"GET /unreadable.txt HTTP/1.1"')
    assert all(line.count('"GET ') <= 1 for line in lines), "two lines ran into each other"
    torn = [line.line for line in server.error_log.lines() if line.level == "raw"]
    assert not torn, "a part of a line was left"
