"""The shared memory in which children tell what they do. One layout table each for the server, a child and a slot.

An anonymous shared mmap of aligned 8-byte words. Each word has one writer at a time: the master before a fork and
after a reap, the slot's own thread between. The strings of a slot (client, virtual host, request line) stand behind a
sequence counter that is odd while they are written; a reader that sees it odd, or changed, reads again. The letter G is
not written but derived: the slot's generation is not the running one.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from enum import IntEnum
from typing import NamedTuple

from pyhttpd.util.ring import Ring


class Status(IntEnum):
    """What a slot does. The value is what is stored; `letter` what mod_status shows."""

    DEAD = 0
    STARTING = 1
    READY = 2
    BUSY_READ = 3
    BUSY_WRITE = 4
    BUSY_KEEPALIVE = 5
    BUSY_LOG = 6
    BUSY_DNS = 7
    CLOSING = 8
    GRACEFUL = 9  # a worker's thread that is about to end; other G are derived
    IDLE_KILL = 10

    @property
    def letter(self) -> str:
        return ".S_RWKLDCGI"[self.value]


IDLE = frozenset({Status.STARTING, Status.READY})
_BUSY = range(Status.BUSY_READ, Status.GRACEFUL)
_WORD = 8

# Layouts: the names of the words, in their order. A word is one unsigned 64-bit integer.
SERVER_WORDS = (
    "generation",  # the running one
    "config_generation",  # how often a configuration was taken, from 1
    "started",  # microseconds since the epoch
    "restarted",  # when the counters of the slots began: a graceful restart lets them go on
    "saturations",  # how often all slots were busy
    "saturated_since",  # microseconds since the epoch; 0: not now
    "saturated_by",  # number of the line in the error log, as in an event
    "saturated_total",  # microseconds, of the events that have ended
    "accept_queue_peak",  # connections, the deepest queue seen while saturated
    "failed_reloads",
    "refused_at",  # microseconds since the epoch, of the last failed reload; 0: a good one has followed
    "refused_sequence",  # odd while the text behind these words is written
    "refused_length",
    "cpu_user_gone",  # microseconds, of children that have been reaped
    "cpu_system_gone",
)
CHILD_WORDS = (
    "pid",  # 0: no child
    "generation",
    "quiescing",  # 1: accepts no more, and leaves when its connections are done
    "started",  # microseconds since the epoch
    "connections",  # accepted by this child
    "complete",  # 1: all its threads have been started
    "active",  # connections that it serves just now
)
SLOT_WORDS = (
    "status",
    "pid",
    "generation",
    "tid",
    "access_count",  # requests in the life of the slot, over all its children
    "conn_count",  # on this connection
    "bytes_served",
    "conn_bytes",
    "start_time",  # of the last request, microseconds since the epoch
    "stop_time",
    "duration",  # microseconds, sum over all requests of the slot
    "access_count_before",  # before this child
    "bytes_served_before",
    "cpu_user",  # microseconds, of the slot's child, written after each request with ExtendedStatus
    "cpu_system",
    "sequence",
)
STRINGS = {"client": 64, "protocol": 16, "vhost": 64, "request": 128}  # bytes, each with its length in front

SAMPLE_WORDS = (
    "at",  # microseconds since the epoch
    "accesses",  # of all slots, since the start
    "bytes",
    "busy",  # slots that serve
)
SAMPLES = 64
"""Of them one is taken a second, by whoever wants them (mod_status)."""

EVENT_WORDS = (
    "kind",  # Event
    "at",  # microseconds since the epoch, when it began
    "duration",  # microseconds; 0 of what has no length
    "value",  # as Event says
    "number",  # of the line in the error log, its letters as one integer
)
EVENTS = 32


class Event(IntEnum):
    """What is worth remembering, and what its `value` is."""

    SATURATED = 1  # connections, the deepest queue meanwhile; noted at its end
    RESTARTED = 2  # the generation that serves now
    RELOADED = 3  # the same, after a graceful restart
    REFUSED = 4  # the generation that serves on
    KILLED = 5  # the signal that ended a child


REFUSAL_SIZE = 1024
"""Bytes of what was wrong with a configuration that was not taken."""

_REFUSAL_AT = len(SERVER_WORDS) * _WORD
_SAMPLES_AT = _REFUSAL_AT + REFUSAL_SIZE
_EVENTS_AT = _SAMPLES_AT + Ring.size(SAMPLES, len(SAMPLE_WORDS)) * _WORD
_SERVER_SIZE = _EVENTS_AT + Ring.size(EVENTS, len(EVENT_WORDS)) * _WORD
_CHILD_SIZE = len(CHILD_WORDS) * _WORD
_STRING_AT: dict[str, int] = {}
_at = len(SLOT_WORDS) * _WORD
for _name, _size in STRINGS.items():
    _STRING_AT[_name] = _at
    _at += _WORD + _size
_SLOT_SIZE = _at

_SERVER = {name: index for index, name in enumerate(SERVER_WORDS)}
_CHILD = {name: index for index, name in enumerate(CHILD_WORDS)}
_SLOT = {name: index for index, name in enumerate(SLOT_WORDS)}
_STATUS, _START_TIME, _DURATION, _SEQUENCE = (
    _SLOT[name] for name in ("status", "start_time", "duration", "sequence")
)
_ACCESS_COUNT, _CONN_COUNT, _BYTES_SERVED, _CONN_BYTES = (
    _SLOT[name] for name in ("access_count", "conn_count", "bytes_served", "conn_bytes")
)


_PLACE = ("client", "protocol", "vhost")  # strings that are seldom others than at the last request
_REQUEST_LENGTH = _STRING_AT["request"] // _WORD
_REQUEST_AT = _STRING_AT["request"] + _WORD
_REQUEST_SIZE = STRINGS["request"]

# What is counted, and when, stands together: one call writes it all.
_COUNTS = slice(_ACCESS_COUNT, _DURATION + 1)
assert " ".join(SLOT_WORDS[_COUNTS]) == (
    "access_count conn_count bytes_served conn_bytes start_time stop_time duration"
)
_write_counts = struct.Struct("@7Q").pack_into

_WRITE = int(Status.BUSY_WRITE)
_CPU_NOTED = 0.1  # seconds; nobody has to know the processor time more exactly


class SlotView(NamedTuple):
    """A consistent copy of one slot for readers."""

    child: int
    thread: int
    status: Status
    letter: str  # with G derived
    words: dict[str, int]
    """Beside SLOT_WORDS: `my_access_count` and `my_bytes_served`, of this child, and `last_used`, the seconds of the
    last word about a request."""
    strings: dict[str, str]


class Sample(NamedTuple):
    """What all slots together had done at a time. Times are seconds since the epoch."""

    at: float
    accesses: int
    bytes: int
    busy: int


def number_word(number: str) -> int:
    """A number of the error log as a word: at most eight letters."""
    return int.from_bytes(number.encode())


def word_number(word: int) -> str:
    return word.to_bytes(_WORD).lstrip(b"\0").decode()


class EventView(NamedTuple):
    kind: Event
    at: float  # seconds since the epoch
    seconds: float
    value: int
    number: str  # AH00161


class Slot:
    """One slot, as its thread writes it. What is written for each request goes by index: names cost a look-up.

    The counts of a connection are kept here, and what they were when it began (`_before`).
    """

    __slots__ = (
        "_at", "_before", "_bytes", "_count", "_counts_at", "_cpu_noted", "_duration", "_memory", "_place", "_request",
        "_request_at", "_tail", "_words",
    )  # fmt: skip

    def __init__(self, memory: mmap.mmap, words: memoryview, base: int, tail: bool = False) -> None:
        self._memory = memory
        self._tail = tail
        self._at = base  # in bytes
        self._request_at = base + _REQUEST_AT
        self._counts_at = base + _ACCESS_COUNT * _WORD
        self._words = words[base // _WORD : (base + _SLOT_SIZE) // _WORD]
        self._place: tuple[str, str, str] | None = None
        self._request: str | None = None
        self._cpu_noted = 0.0  # CLOCK_MONOTONIC, when the processor time was written last
        self._note_before()

    def __getitem__(self, name: str) -> int:
        return int(self._words[_SLOT[name]])

    def __setitem__(self, name: str, value: int) -> None:
        self._words[_SLOT[name]] = value

    def set_status(self, status: int) -> None:
        self._words[_STATUS] = status

    def reset(self, pid: int, generation: int, status: Status) -> None:
        """For a new child: what belongs to a child begins anew, what belongs to the slot goes on."""
        for name in ("conn_count", "conn_bytes", "tid", "cpu_user", "cpu_system"):
            self[name] = 0
        self["access_count_before"] = self["access_count"]
        self["bytes_served_before"] = self["bytes_served"]
        self["pid"] = pid
        self["generation"] = generation
        if self["sequence"] & 1:  # its writer was killed in the middle
            self["sequence"] += 1
        self._note_before()
        self.set_status(status)

    def describe(self, client: str, protocol: str, vhost: str, request: str) -> None:
        """What is being answered. A text that is too long loses its end, or a request line (SeeRequestTail) its
        beginning."""
        place = client, protocol, vhost
        if place != self._place:
            words, memory = self._words, self._memory
            words[_SEQUENCE] |= 1
            for name, text in zip(_PLACE, place, strict=True):
                data = text.encode("latin-1", "replace")[: STRINGS[name]]
                offset = _STRING_AT[name]
                words[offset // _WORD] = len(data)
                at = self._at + offset + _WORD
                memory[at : at + len(data)] = data
            self._place, self._request = place, None
        self.describe_request(request)

    def describe_request(self, request: str) -> None:
        """The next one on the same connection, for the same virtual host."""
        if request == self._request:
            return
        self._request = request
        data = request.encode("latin-1", "replace")
        size = len(data)
        if size > _REQUEST_SIZE:
            data, size = data[-_REQUEST_SIZE:] if self._tail else data[:_REQUEST_SIZE], _REQUEST_SIZE
        words, at = self._words, self._request_at
        words[_SEQUENCE] = sequence = words[_SEQUENCE] | 1
        words[_REQUEST_LENGTH] = size
        self._memory[at : at + size] = data
        words[_SEQUENCE] = sequence + 1

    def begin_connection(self) -> None:
        self["conn_count"] = 0
        self["conn_bytes"] = 0
        self._note_before()

    def _note_before(self) -> None:
        words = self._words
        self._count, self._bytes = words[_CONN_COUNT], words[_CONN_BYTES]
        self._before = words[_ACCESS_COUNT] - self._count, words[_BYTES_SERVED] - self._bytes
        self._duration = words[_DURATION]

    def begin_request(self, now: float) -> None:
        """A request that came at `now`, in seconds since the epoch, is being answered."""
        words = self._words
        words[_START_TIME] = int(now * 1_000_000)
        words[_STATUS] = _WRITE

    def _note_cpu(self, now: float) -> None:
        times = os.times()
        self["cpu_user"] = int(times.user * 1_000_000)
        self["cpu_system"] = int(times.system * 1_000_000)
        self._cpu_noted = now

    def end_request(self, arrived: float, began: float, ended: float, sent: int) -> None:
        """Count a request that came at `arrived`, in seconds since the epoch, of which `sent` bytes were answered.
        `began`, the same moment, and `ended` are on CLOCK_MONOTONIC. Notes the processor time of the child, too, now
        and then."""
        start = int(arrived * 1_000_000)
        took = int((ended - began) * 1_000_000)
        self._count = count = self._count + 1
        self._bytes = total = self._bytes + sent
        self._duration = duration = self._duration + took
        accesses, served = self._before
        _write_counts(
            self._memory, self._counts_at, accesses + count, count, served + total, total, start, start + took, duration
        )
        if ended - self._cpu_noted > _CPU_NOTED:
            self._note_cpu(ended)


class ChildRow:
    """The words of one child. The master writes them; the child all after `started` and `quiescing`."""

    __slots__ = ("_base", "_words")

    def __init__(self, words: memoryview, base: int) -> None:
        self._words = words
        self._base = base // _WORD

    def __getitem__(self, name: str) -> int:
        return int(self._words[self._base + _CHILD[name]])

    def __setitem__(self, name: str, value: int) -> None:
        self._words[self._base + _CHILD[name]] = value


class Scoreboard:
    """`children` rows and `children * threads` slots. Its size is fixed for the life of the server."""

    def __init__(self, children: int, threads: int, path: str | None = None) -> None:
        """`path` is ScoreBoardFile: a file behind the memory, so that other programs can map it. Raises OSError."""
        self.children = children
        self.request_tail = False  # SeeRequestTail, for the slots that are asked for from then on
        self.threads = threads
        self._path = path
        self._file: os.stat_result | None = None
        self._children_at = _SERVER_SIZE
        self._slots_at = self._children_at + children * _CHILD_SIZE
        size = self._slots_at + children * threads * _SLOT_SIZE
        if path is None:
            self._memory = mmap.mmap(-1, size)
        else:
            # A new file under a new inode: another server may have mapped what is there.
            temporary = f"{path}.{os.getpid()}"
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                os.ftruncate(fd, size)
                self._memory = mmap.mmap(fd, size)
                self._file = os.fstat(fd)
                os.rename(temporary, path)
            except OSError:
                os.unlink(temporary)
                raise
            finally:
                os.close(fd)
        self._words = memoryview(self._memory).cast("Q")
        self._samples = Ring(self._words[_SAMPLES_AT // _WORD : _EVENTS_AT // _WORD], SAMPLES, len(SAMPLE_WORDS))
        self._events = Ring(self._words[_EVENTS_AT // _WORD : _SERVER_SIZE // _WORD], EVENTS, len(EVENT_WORDS))
        self["started"] = self["restarted"] = time.time_ns() // 1000

    def close(self) -> None:
        """Remove the file, if there is one and it is still ours. The memory goes with the last process."""
        if self._path is None or self._file is None:
            return
        try:
            if os.path.samestat(os.stat(self._path), self._file):
                os.unlink(self._path)
        except OSError:
            pass  # somebody was faster

    def __getitem__(self, name: str) -> int:
        return int(self._words[_SERVER[name]])

    def __setitem__(self, name: str, value: int) -> None:
        self._words[_SERVER[name]] = value

    def word(self, name: str) -> memoryview:
        """One word of the server, the only item, for who looks at it for each request."""
        at = _SERVER[name]
        return self._words[at : at + 1]

    def note_refusal(self, text: str) -> None:
        """A configuration was not taken; `text` says why. It is cut at REFUSAL_SIZE bytes. The master calls it."""
        data = text.encode("utf-8", "replace")[:REFUSAL_SIZE]
        self["refused_sequence"] |= 1
        self["refused_length"] = len(data)
        self._memory[_REFUSAL_AT : _REFUSAL_AT + len(data)] = data
        self["refused_at"] = time.time_ns() // 1000
        self["refused_sequence"] += 1

    def forget_refusal(self) -> None:
        """A configuration was taken."""
        self["refused_at"] = 0

    def refusal(self) -> tuple[float, str] | None:
        """When (seconds since the epoch) and why the last configuration was not taken; None if it was."""
        for _ in range(100):
            before, when = self["refused_sequence"], self["refused_at"]
            if before & 1:
                continue
            if not when:
                return None
            length = min(self["refused_length"], REFUSAL_SIZE)
            data = self._memory[_REFUSAL_AT : _REFUSAL_AT + length]
            if self["refused_sequence"] == before:
                return when / 1_000_000, data.decode("utf-8", "replace")
        return None

    def column(self, name: str) -> list[int]:
        """One word of all slots, in their order."""
        first = self._slots_at // _WORD + _SLOT[name]
        words: list[int] = self._words[first :: _SLOT_SIZE // _WORD].tolist()
        return words

    def take_sample(self) -> None:
        """Remember what has been done up to now. The master calls it."""
        statuses = bytes(self.column("status"))
        busy = sum(map(statuses.count, _BUSY))
        self._samples.append(
            time.time_ns() // 1000, sum(self.column("access_count")), sum(self.column("bytes_served")), busy
        )

    def samples(self) -> list[Sample]:
        """Those of the last minute or so, oldest first."""
        return [Sample(at / 1_000_000, *rest) for at, *rest in self._samples.read()]

    def note_event(self, kind: Event, number: str, value: int = 0, duration: float = 0.0) -> None:
        """Something has ended just now that took `duration` seconds. `number` is that of the line in the error log, of
        at most eight letters. The master calls it."""
        length = int(duration * 1_000_000)
        self._events.append(kind, time.time_ns() // 1000 - length, length, value, number_word(number))

    def events(self) -> list[EventView]:
        """The last ones, oldest first."""
        return [
            EventView(Event(kind), at / 1e6, length / 1e6, value, word_number(number))
            for kind, at, length, value, number in self._events.read()
        ]

    def begin_anew(self) -> None:
        """At a restart that was not graceful, when no child is left: what slots have counted is forgotten."""
        self["restarted"] = time.time_ns() // 1000
        self._memory[self._slots_at :] = bytes(len(self._memory) - self._slots_at)
        self._samples.clear()

    def child(self, index: int) -> ChildRow:
        return ChildRow(self._words, self._children_at + index * _CHILD_SIZE)

    def slot(self, child: int, thread: int = 0) -> Slot:
        base = self._slots_at + (child * self.threads + thread) * _SLOT_SIZE
        return Slot(self._memory, self._words, base, self.request_tail)

    def status(self, child: int, thread: int = 0) -> Status:
        """A cheap look at one slot."""
        base = self._slots_at + (child * self.threads + thread) * _SLOT_SIZE
        return Status(self._words[base // _WORD])

    def view(self, child: int, thread: int = 0) -> SlotView:
        """A consistent copy. Its strings are empty if the slot's writer died while it wrote them."""
        slot = self.slot(child, thread)
        base = slot._at
        strings: dict[str, str] = dict.fromkeys(STRINGS, "")
        for _ in range(100):
            before = slot["sequence"]
            if before & 1:
                continue
            copy: dict[str, str] = {}
            for name, size in STRINGS.items():
                at = base + _STRING_AT[name]
                length = min(int(self._words[at // _WORD]), size)
                copy[name] = self._memory[at + _WORD : at + _WORD + length].decode("latin-1")
            if slot["sequence"] == before:
                strings = copy
                break
        words = dict(zip(SLOT_WORDS, slot._words[: len(SLOT_WORDS)].tolist(), strict=True))
        for name in ("access_count", "bytes_served"):
            words[f"my_{name}"] = words[name] - words[f"{name}_before"]
        words["last_used"] = max(words["start_time"], words["stop_time"]) // 1_000_000
        status = Status(words["status"])
        letter = status.letter
        if Status.READY < status < Status.IDLE_KILL and words["generation"] != self["generation"]:
            letter = Status.GRACEFUL.letter
        return SlotView(child, thread, status, letter, words, strings)
