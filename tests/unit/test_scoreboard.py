"""The scoreboard: words, strings behind their sequence counter, the derived G, a file behind it."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from pyhttpd.scoreboard import REFUSAL_SIZE, SAMPLES, STRINGS, Event, Scoreboard, Status


@pytest.fixture
def board() -> Scoreboard:
    return Scoreboard(3, 2)


def test_words_do_not_overlap(board: Scoreboard) -> None:
    board["generation"] = 7
    for child in range(3):
        board.child(child)["pid"] = 100 + child
        for thread in range(2):
            slot = board.slot(child, thread)
            slot.reset(child, thread, Status.READY)
            slot.describe(f"c{child}", "http/1.1", f"v{thread}", "GET / HTTP/1.1")
    assert board["generation"] == 7
    assert [board.child(child)["pid"] for child in range(3)] == [100, 101, 102]
    places = [(child, thread) for child in range(3) for thread in range(2)]
    views = [board.view(*place) for place in places]
    assert [(view.words["pid"], view.words["generation"]) for view in views] == places
    assert [view.strings["client"] for view in views] == ["c0", "c0", "c1", "c1", "c2", "c2"]


def test_another_process_sees_what_is_written(board: Scoreboard) -> None:
    pid = os.fork()
    if pid == 0:
        board.slot(1).describe("127.0.0.1", "http/1.1", "www", "GET /x HTTP/1.1")
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.view(1).strings["request"] == "GET /x HTTP/1.1"


def test_long_texts_are_cut_and_bytes_survive(board: Scoreboard) -> None:
    board.slot(0).describe("\xe9" * 200, "p", "v", "r" * 5000)
    strings = board.view(0).strings
    assert strings["client"] == "\xe9" * STRINGS["client"]
    assert strings["request"] == "r" * STRINGS["request"]


def test_counters_of_the_slot_outlive_the_child(board: Scoreboard) -> None:
    slot = board.slot(0)
    slot.reset(10, 0, Status.READY)
    slot.end_request(100.25, 7.0, 7.25, 1000)
    slot.reset(11, 0, Status.READY)
    slot.begin_request(101.25)
    slot.end_request(101.25, 8.0, 8.25, 500)
    words = board.view(0).words
    assert (words["access_count"], words["my_access_count"]) == (2, 1)
    assert (words["bytes_served"], words["my_bytes_served"]) == (1500, 500)
    assert words["duration"] == 500_000


@pytest.mark.parametrize(
    ("status", "old", "letter"),
    [
        (Status.DEAD, True, "."),
        (Status.STARTING, True, "S"),
        (Status.READY, True, "_"),
        (Status.BUSY_WRITE, False, "W"),
        (Status.BUSY_WRITE, True, "G"),
        (Status.BUSY_KEEPALIVE, True, "G"),
        (Status.CLOSING, False, "C"),
        (Status.IDLE_KILL, True, "I"),
    ],
)
def test_letters(board: Scoreboard, status: Status, old: bool, letter: str) -> None:
    board["generation"] = 1
    slot = board.slot(0)
    slot.reset(10, 0 if old else 1, status)
    assert board.view(0).letter == letter


def test_a_writer_that_was_killed_in_the_middle(board: Scoreboard) -> None:
    slot = board.slot(0)
    slot.describe("a", "b", "c", "d")
    slot["sequence"] += 1  # as if it had died here
    assert board.view(0).strings["client"] == ""
    slot.reset(11, 0, Status.READY)
    assert board.view(0).strings["client"] == "a"


def test_a_file_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard"
    board = Scoreboard(1, 1, str(path))
    board["generation"] = 5
    assert path.read_bytes()[:8] == (5).to_bytes(8, "little")
    assert stat.S_IMODE(path.stat().st_mode) & 0o022 == 0
    board.close()
    assert not path.exists()


def test_a_refused_configuration_is_known_until_one_is_taken(board: Scoreboard) -> None:
    assert board.refusal() is None
    board.note_refusal("AH00526: line 3")
    found = board.refusal()
    assert found is not None
    assert found[1] == "AH00526: line 3"
    assert abs(found[0] - time.time()) < 60
    board.note_refusal("é" * REFUSAL_SIZE)
    found = board.refusal()
    assert found is not None
    assert len(found[1].encode()) <= REFUSAL_SIZE + 2  # a character may be cut in two
    board.forget_refusal()
    assert board.refusal() is None


def test_a_refusal_that_is_being_written_is_not_read(board: Scoreboard) -> None:
    board.note_refusal("a")
    board["refused_sequence"] += 1
    assert board.refusal() is None
    board.note_refusal("b")
    found = board.refusal()
    assert found is not None
    assert found[1] == "b"


def test_the_text_of_a_refusal_touches_no_child(board: Scoreboard) -> None:
    board.note_refusal("x" * (2 * REFUSAL_SIZE))
    assert all(board.child(index)["pid"] == 0 for index in range(board.children))


def test_the_tail_of_a_request_can_be_shown(board: Scoreboard) -> None:
    slot = board.slot(0)
    board.request_tail = True
    for index, described in enumerate((slot, board.slot(1))):
        for _ in range(2):  # an equal one again is no reason to write
            described.describe("c", "p", "v", "GET " + "r" * 5000 + " HTTP/1.1")
        text = board.view(index).strings["request"]
        assert len(text) == STRINGS["request"]
        assert text.startswith("GET ") is (index == 0)
        assert text.endswith(" HTTP/1.1") is (index == 1)


def test_samples_of_all_slots(board: Scoreboard) -> None:
    assert board.samples() == []
    for child, status in enumerate((Status.BUSY_WRITE, Status.CLOSING, Status.GRACEFUL)):
        slot = board.slot(child, 1)
        slot.reset(10, 0, status)
        slot.end_request(100.25, 7.0, 7.25, 1000)
    assert board.column("access_count") == [0, 1, 0, 1, 0, 1]
    for _ in range(SAMPLES + 5):
        board.take_sample()
    taken = board.samples()
    assert len(taken) == SAMPLES - 1
    assert [sample.at for sample in taken] == sorted(sample.at for sample in taken)
    assert abs(taken[-1].at - time.time()) < 60
    assert taken[-1][1:] == (3, 3000, 2)


def test_events(board: Scoreboard) -> None:
    assert board.events() == []
    board.note_event(Event.SATURATED, "AH00161", 7, 3.5)
    board.note_event(Event.REFUSED, "PH00220", 2)
    first, second = board.events()
    assert first[:1] + first[2:] == (Event.SATURATED, 3.5, 7, "AH00161")
    assert second[:1] + second[2:] == (Event.REFUSED, 0.0, 2, "PH00220")
    assert abs(second.at - first.at - 3.5) < 60  # a length is counted back from its end


def test_history_touches_nothing_else(board: Scoreboard) -> None:
    board.note_refusal("x" * REFUSAL_SIZE)
    before = board.refusal()
    for _ in range(SAMPLES * 2):
        board.take_sample()
        board.note_event(Event.KILLED, "AH00052", 2**64 - 1)
    assert board.refusal() == before
    assert all(board.child(index)["pid"] == 0 for index in range(board.children))
    assert len(board.samples()) == SAMPLES - 1


def test_a_restart_forgets_what_slots_have_counted(board: Scoreboard) -> None:
    started = board["started"]
    slot = board.slot(2, 1)
    slot.reset(10, 0, Status.BUSY_WRITE)
    slot.end_request(100.25, 7.0, 7.25, 1000)
    board.child(2)["pid"] = 10
    board.take_sample()
    board.note_event(Event.RESTARTED, "AH00173", 1)
    board["restarted"] = 0
    board.begin_anew()
    assert board.view(2, 1).words["access_count"] == 0
    assert board.view(2, 1).letter == "."
    assert board.samples() == []
    assert len(board.events()) == 1
    assert board.child(2)["pid"] == 10  # the master's own
    assert board["restarted"] > 0
    assert board["started"] == started
    board.take_sample()
    assert len(board.samples()) == 1
