"""The same bytes to both servers, and all that can be seen of what each made of them: answers, log lines, the end."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from tests.support.clients import LIMIT, Answer, BrokenError, Client
from tests.support.logs import WORRYING, ErrorLine, LogFile
from tests.support.servers import SLOW, Server

LAST = b"GET /last.txt HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
LAST_BODY = b"the last one\n"

# What each server logs of a request; in front of it stands the client's port, by which a connection finds its lines.
LETTERS = (
    "%h %a %A %l %u %r %s %>s %b %B %H %m %q %U %>U %f %X %k %I %p %{canonical}p %{local}p %v %V %R %{Host}i "
    "%{Content-Length}i %{Transfer-Encoding}i %{Range}i %{X-Test}i %{X-Trailer}^ti "
    "%{Content-Type}o %{Content-Length}o %{Content-Range}o %{Location}o %{ETag}o %{X-All}o "
    "%{REDIRECT_URL}e %{REDIRECT_STATUS}e"
)
LOG_LINES = (
    f'LogFormat "%{{remote}}p {" ".join(f"{letter[1:]}={letter}" for letter in LETTERS.split())}" oracle\n'
    "CustomLog logs/oracle oracle\n"
)
LOG_LEVEL = "debug"
_LETTER = re.compile(
    r"(?:^|(?<= ))((?:>?[A-Za-z]|\{[\w-]+\}\^?[a-z]+))=(.*?)(?= (?:>?[A-Za-z]|\{[\w-]+\}\^?[a-z]+)=|$)"
)
_READ = re.compile(r" I=\S+")
_TOGETHER = re.compile(r" (?:[XI]=\S+|k=\d+)")
BOUNDARY = re.compile(r"boundary=(\w+)")
_VARYING = re.compile(r"^((?:Date|Server): ).*(?=\r$)", re.MULTILINE)
_ALLOW = re.compile(r"^(Allow: )(.*)(?=\r$)", re.MULTILINE)
_CHUNKED = re.compile(r"^Transfer-Encoding: chunked\r\n(?:.+\r\n)*\r\n", re.MULTILINE)
_SIZE = re.compile(r"([0-9a-f]+)\r\n")
_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_CLIENT = re.compile(r"\[client [^\]]*:(\d+)\]")


Letters = dict[str, str]  # of a line of the access log: "s", ">s", "{Host}i" and their values


class Outcome(NamedTuple):
    """What one server made of a case."""

    status: list[str]
    headers: list[list[tuple[str, str]]]
    body: list[bytes]
    kept: bool  # whether the connection was still there for the last request
    log: list[str]  # of the access log, without the last request
    errors: list[str]  # of the error log down to debug: `core:info AH00128`; the text of lines without a number

    def differing(self, other: Outcome) -> frozenset[str]:
        """The names of the parts that are not equal."""
        return frozenset(part for part in self._fields if getattr(self, part) != getattr(other, part))


class Stream(NamedTuple):
    """What one server made of bytes that nobody has taken apart."""

    answers: str
    log: list[str]
    errors: list[str]

    def letters(self) -> list[Letters]:
        """The lines of the access log, taken apart."""
        return [dict(_LETTER.findall(line)) for line in self.log]


def report(apache2: Outcome, pyhttpd: Outcome) -> str:
    """The parts that differ, for people; of lists as long as each other only what differs."""
    lines = []
    for part in sorted(apache2.differing(pyhttpd)):
        theirs, ours = getattr(apache2, part), getattr(pyhttpd, part)
        if isinstance(theirs, list) and len(theirs) == len(ours):
            pairs = list(zip(theirs, ours, strict=True))
            theirs, ours = ([pair[side] for pair in pairs if pair[0] != pair[1]] for side in (0, 1))
        lines += ["", f"{part}:", f"  apache2 {_shortened(theirs)}", f"  pyhttpd {_shortened(ours)}"]
    return "\n".join(lines)


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) < 2000 else f"{text[:2000]}... ({len(text)})"


class Observed:
    """A running server whose logs are read along. Its configuration has LOG_LINES, and LOG_LEVEL as its LogLevel."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._log = LogFile(server.root / "logs" / "oracle")
        self.own = re.compile(rf"(?<![0-9]){server.port}(?![0-9])")

    def run(
        self, data: bytes, heads: frozenset[int] = frozenset(), *, last: str = "", piece: int | None = None
    ) -> Outcome:
        """Send `data`, and when an answer has come, one more request.

        `last`: "at once" does not wait for an answer and ends our side behind it, with "none" our end comes instead.
        `heads`: which requests, from 1, are HEADs. `piece`: so many bytes are sent at once; all if None.
        """
        server = self.server
        errors, lines = server.error_log.place(), len(self._log.lines())
        with Client(server.port) as client:
            port = str(client.sock.getsockname()[1])
            answers: list[Answer] = []
            _send(client, data + LAST if last == "at once" else data, piece)
            if last:
                client.end()
            elif not last and _read(client, heads, answers, one=True):
                _send(client, LAST, piece)
            _read(client, heads, answers)
        kept = last != "none" and bool(answers) and answers[-1].body == LAST_BODY
        logged = self._logged(lines, port, sum(1 for answer in answers if answer.status not in range(100, 200)))
        if len(logged) > (1 if last else 2 if kept else 1):
            logged = [_TOGETHER.sub("", line) for line in logged]
        elif not kept:
            logged = [_READ.sub("", line) for line in logged]
        if kept:
            answers.pop()
            logged.pop()
        return Outcome(
            [f"{answer.version} {answer.status} {answer.reason}" for answer in answers],
            [[(name, self._neutral(name, value)) for name, value in answer.headers] for answer in answers],
            [self._body(answer) for answer in answers],
            kept,
            logged,
            self._errors(errors, port),
        )

    def sequence(self, requests: Iterable[tuple[bytes, bool]]) -> Outcome:
        """Send each request (its bytes, and whether it is a HEAD) when the one before is answered.

        "the end" stands in the status behind an answer with which the server has ended the connection; the next
        request has a new one then. The errors have their texts.
        """
        place, lines, root = self.server.error_log.place(), len(self._log.lines()), str(self.server.root)
        answers: list[Answer] = []
        status: list[str] = []
        counts: dict[str, int] = {}  # of answers, by the client's port
        ended: set[tuple[str, int]] = set()  # port and place there of an answer that was the last one
        goes_on = False
        with contextlib.ExitStack() as stack:
            for data, is_head in requests:
                if not goes_on:
                    client = stack.enter_context(Client(self.server.port))
                    port = str(client.sock.getsockname()[1])
                found: list[Answer] = []
                _send(client, data, None)
                goes_on = _read(client, frozenset((1,) if is_head else ()), found, one=True)
                goes_on = goes_on and (found[-1].keeps_alive or not client.ended(LIMIT))
                answers += found
                status += [f"{answer.version} {answer.status} {answer.reason}" for answer in found]
                status += [] if goes_on else ["the end"]
                counts[port] = counts.get(port, 0) + sum(answer.status not in range(100, 200) for answer in found)
                if not goes_on:
                    ended.add((port, counts[port] - 1))
        logged = [
            _READ.sub("", line) if nth or (port, nth) in ended else line
            for port, count in counts.items()
            for nth, line in enumerate(self._logged(lines, port, count))
        ]
        return Outcome(
            status,
            [[(name, self._neutral(name, value).replace(root, "ROOT")) for name, value in a.headers] for a in answers],
            [self._body(answer).replace(root.encode(), b"ROOT") for answer in answers],
            goes_on,
            logged,
            [line for port in counts for line in self._errors(place, port, texts=True)],
        )

    def stream(self, data: bytes, piece: int | None = None) -> Stream:
        """Send `data`, `piece` bytes at once, one more request and our end; all that comes back, as it comes."""
        errors, lines = self.server.error_log.place(), len(self._log.lines())
        with Client(self.server.port) as client:
            port = str(client.sock.getsockname()[1])
            _send(client, data + LAST, piece)
            client.end()
            text = _without_chunks(client.rest().decode("latin-1"))
        boundary = BOUNDARY.search(text)
        if boundary is not None:
            text = text.replace(boundary[1], "BOUNDARY")
        text = _ALLOW.sub(lambda match: match[1] + ",".join(sorted(match[2].split(","))), text)
        text = self.own.sub("PORT", _VARYING.sub(r"\1", text))
        # what is logged is logged before our end of the connection is answered with the server's
        logged = [_TOGETHER.sub("", _READ.sub("", line)) for line in self._logged(lines, port, 0)]
        return Stream(text, logged, self._errors(errors, port))

    def _errors(self, after: int, port: str, *, texts: bool = False) -> list[str]:
        """`texts`: also of the lines with numbers, if somebody should worry about them."""
        root = str(self.server.root)
        return [
            self.own.sub("PORT", f"{line.module}:{line.level} {self._told(line, texts)}").replace(root, "ROOT")
            for line in self.server.error_log.lines(after)
            if (line.level in WORRYING or not line.key.startswith("PH"))
            and (client_port := _CLIENT.search(line.line)) is not None
            and client_port[1] == port
        ]

    def _told(self, line: ErrorLine, texts: bool) -> str:
        return f"{line.key} {line.text}" if texts and line.level in WORRYING else line.number or line.text

    def _body(self, answer: Answer) -> bytes:
        body = self.own.sub("PORT", answer.body.decode("latin-1")).encode("latin-1")
        boundary = BOUNDARY.search(answer.header("Content-Type") or "")
        return body if boundary is None else body.replace(boundary[1].encode("latin-1"), b"BOUNDARY")

    def _logged(self, after: int, port: str, count: int) -> list[str]:
        """The log lines of this connection, as soon as there are `count`: they are written when the answer is sent."""

        def found() -> list[str] | None:
            lines = [line for line in self._log.lines()[after:] if line.startswith(f"{port} ")]
            return lines if len(lines) >= count else None

        lines = found() if count == 0 else self.server.wait_until(found, SLOW, f"{count} log lines")
        root = str(self.server.root)
        return [self.own.sub("PORT", line.partition(" ")[2]).replace(root, "ROOT") for line in lines or ()]

    def _neutral(self, name: str, value: str) -> str:
        """A field's value without what VALUES in differences.py names."""
        if name == "Allow":
            return ",".join(sorted(value.split(",")))
        if name == "Last-Modified":
            return without_now(value)
        return "" if name in ("Date", "Server") else self.own.sub("PORT", BOUNDARY.sub("boundary=", value))


def without_now(text: str) -> str:
    """Times of just now become NOW: that is told of a file whose own time is still to come."""

    def shown(match: re.Match[str]) -> str:
        try:
            seconds = abs((parsedate_to_datetime(match[0]) - datetime.now(UTC)).total_seconds())
        except ValueError:
            return match[0]
        return "NOW" if seconds < 3600 else match[0]

    return _DATE.sub(shown, text)


def _without_chunks(text: str) -> str:
    """Answers in which each chunked body is joined; `[end]` stands for its last chunk."""
    joined = ""
    while (head := _CHUNKED.search(text)) is not None:
        joined += text[: head.end()]
        text = text[head.end() :]
        while (size := _SIZE.match(text)) is not None:
            end = size.end() + int(size[1], 16)
            joined += text[size.end() : end] or "[end]"
            text = text[end + 2 :]
            if end == size.end():
                break
    return joined + text


def _send(client: Client, data: bytes, piece: int | None) -> None:
    try:
        for at in range(0, len(data), piece or len(data) or 1):
            client.send(data[at : at + (piece or len(data))])
    except BrokenError:
        pass  # the answer that made the server close is there all the same


def _read(client: Client, heads: frozenset[int], answers: list[Answer], *, one: bool = False) -> bool:
    """Read answers, or one that is no interim one, up to the server's end. False if that has come."""
    while not client.ended(LIMIT):
        try:
            number = sum(1 for answer in answers if answer.status >= 200) + 1
            answers.append(client.answer(head_only=number in heads))
        except (BrokenError, ValueError) as error:  # cut short, or no head (HTTP/0.9)
            client.rest()
            if client.raw:  # else a reset, and nothing before it
                answers.append(Answer(0, type(error).__name__, "", [], client.raw))
            return False
        if one and answers[-1].status >= 200:
            return True
    return False


def parse_case(text: str) -> tuple[bytes, dict[str, str]]:
    """The bytes to send, and the options: the comment lines in front that have the form `# name: value`."""
    options: dict[str, str] = {}
    lines = text.split("\n")
    while lines[0].startswith("#"):
        name, colon, value = lines.pop(0).removeprefix("# ").partition(": ")
        if colon and name in ("head", "server", "last"):
            options[name] = value
    body = "\n".join(lines)
    body = re.sub(r"\{(.)\*(\d+)\}", lambda match: match[1] * int(match[2]), body)
    body = re.sub(r"(?<!\\)\\$\n?", "", body, flags=re.MULTILINE) if "\\" in body else body
    escapes = {"n": "\n", "r": "\r", "\\": "\\"}
    pieces = []
    for piece in re.split(r"(\\x[0-9a-f]{2}|\\[nr\\])", body):
        if piece.startswith("\\x"):
            pieces.append(chr(int(piece[2:], 16)))
        elif piece.startswith("\\"):
            pieces.append(escapes[piece[1]])
        else:
            pieces.append(piece.replace("\n", "\r\n"))
    return "".join(pieces).encode("latin-1"), options


def settle_boundary(server: Server) -> None:
    """Apache writes its random boundary of several ranges without zeros in front, so that its length, and every length
    that it is in, vary. It has another one after a restart: restart it until that is as long as most are."""
    for _ in range(20):
        kind = server.get("/big.bin", Range="bytes=0-0,2-2").header("Content-Type") or ""
        if len(kind.partition("boundary=")[2]) in (0, 16):
            return
        server.reload("HUP")
    raise AssertionError(f"20 unusual boundaries, of which one in sixteen should be\n{server.describe()}")
