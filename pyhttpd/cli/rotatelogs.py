"""pyhttpd-rotatelogs: writes what it reads to a log file, and begins a new one when time is up or the file is large.

The options, names and messages are those of Apache's rotatelogs. What is different: a line is never divided between two
files, and a file that cannot be opened or written costs no line that was written before.
It runs beside the server all the time, so it imports next to nothing.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Sequence

from pyhttpd.util.digits import value_of

CHUNK = 65536
LONGEST_POLL = 2_000_000  # seconds
NEW, TIME, SIZE = "Open a new file", "Time interval expired", "Maximum size reached"
MULTIPLIERS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
SIGNALS = (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ)  # what we, or Python, ignore and a program does not expect

USAGE = """\
Usage: {0} [-vlfDtTec] [-L linkname] [-p prog] [-n number] <logfile> \
{{<rotation time in seconds>|<rotation size>(B|K|M|G)}} [offset minutes from UTC]

Add this:

TransferLog "|{0} /some/where 86400"

or

TransferLog "|{0} /some/where 5M"

to httpd.conf. The files are called <logfile>.nnnnnnnnnn, by the second at which
they nominally begin: with a rotation time, a multiple of it. A <logfile> with
percent signs is a pattern for strftime. With a rotation size, the file is
looked at before each write.

Options:
  -v       Say on stderr what is done.
  -l       Rotate by local time instead of UTC.
  -L path  Keep a hard link from this path to the current file.
  -p prog  Run a program after a new file was opened, see below.
  -f       Open the file at once, not when the first line comes.
  -D       Create the directories of the file.
  -t       Empty the file instead of rotating it.
  -T       Empty files that are opened for rotation, but not the first one.
  -e       Write everything to stdout, too.
  -c       Create a file for each interval, even if it stays empty.
  -n num   Use <logfile>, <logfile>.1, ... in turn, num files altogether.

prog is run as "prog <curfile> [<prevfile>]": the file that was opened, and the
one before it, if there is one.

"""


class Settings:
    """What the command line says."""

    def __init__(self) -> None:
        self.name = ""
        self.seconds = 0  # 0: time does not matter
        self.size = 0  # bytes; 0: size does not matter
        self.offset = 0  # seconds
        self.files = 0  # -n; 0: not given
        self.link: str | None = None
        self.program: str | None = None
        self.flags = ""

    def has(self, flag: str) -> bool:
        return flag in self.flags

    @property
    def pattern(self) -> bool:
        """Whether the name is one for strftime."""
        return "%" in self.name

    def described(self) -> str:
        """What -v shows first."""

        def switch(flag: str) -> str:
            return "yes" if self.has(flag) else "no"

        return "".join((
            f"Rotation time interval:      {self.seconds:12d}\n",
            f"Rotation size interval:      {self.size:12d}\n",
            f"Rotation time UTC offset:    {self.offset:12d}\n",
            f"Rotation based on localtime: {switch('l'):>12}\n",
            f"Rotation file date pattern:  {'yes' if self.pattern else 'no':>12}\n",
            f"Rotation file forced open:   {switch('f'):>12}\n",
            f"Create parent directories:   {switch('D'):>12}\n",
            f"Rotation verbose:            {switch('v'):>12}\n",
            f"Rotation create empty logs:  {switch('c'):>12}\n",
            f"Rotation file name: {self.name:>21}\n",
            f"Post-rotation prog: {self.program or 'not used':>21}\n",
        ))  # fmt: skip


class Exit(Exception):
    """The program ends with this status; the message has been written."""

    def __init__(self, status: int) -> None:
        self.status = status


def fail(status: int, message: str) -> Exit:
    say(message)
    return Exit(status)


def say(message: str) -> None:
    sys.stderr.write(f"{message}\n")


def usage(program: str, reason: str | None = None) -> Exit:
    if reason is not None:
        say(reason)
    sys.stderr.write(USAGE.format(program))
    return Exit(1)


# --- arguments ---------------------------------------------------------------------------------------------------


def leading_number(word: str) -> int:
    """What C's atoi makes of a word: the digits that it begins with."""
    word = word.lstrip()
    sign = -1 if word[:1] == "-" else 1
    digits = word[1:] if word[:1] in ("+", "-") else word
    length = next((at for at, char in enumerate(digits) if char not in "0123456789"), len(digits))
    return sign * value_of(digits[:length])


def settings_of(arguments: Sequence[str]) -> Settings:
    """`arguments` are sys.argv. Raises Exit."""
    program, *words = arguments
    settings = Settings()
    take_options(settings, program, words)
    if not 2 <= len(words) <= 4:
        raise usage(program, "Incorrect number of arguments")
    settings.name = os.path.normpath(words[0]) if words[0] else ""
    for at, word in enumerate(words[1:], start=2):
        reason = take_time_or_size(settings, word, last=at == len(words))
        if reason is not None:
            raise usage(program, reason)
    if settings.pattern and settings.files > 0:
        raise fail(1, "Cannot use -n with % in filename")
    if settings.files < 0:
        raise fail(1, "Invalid -n argument")
    return settings


def take_options(settings: Settings, program: str, words: list[str]) -> None:
    """Take the options off the words."""
    while words and words[0].startswith("-") and words[0] != "-":
        cluster = words.pop(0)[1:]
        if cluster.startswith("-"):  # whatever follows
            return
        while cluster:
            letter, cluster = cluster[0], cluster[1:]
            if letter in "lfDtTvec":
                settings.flags += letter
                continue
            if letter not in "Lpn":
                say(f"{os.path.basename(program)}: illegal option -- {letter}")
                raise usage(program)
            if not cluster and not words:
                say(f"{os.path.basename(program)}: option requires an argument -- {letter}")
                raise usage(program)
            value, cluster = cluster or words.pop(0), ""
            if letter == "L":
                settings.link = value
            elif letter == "p":
                settings.program = value
            else:
                settings.files = leading_number(value)
                if settings.files < 1:
                    settings.files = -1


def take_time_or_size(settings: Settings, word: str, *, last: bool) -> str | None:
    """A size has a letter behind it; a number is the interval, or the offset if it is the last word and not the first.

    Returns what is wrong with it.
    """
    unit = next((letter for letter in MULTIPLIERS if letter in word), None)
    if unit is not None:
        if settings.size > 0:
            return "Rotation size parameter allowed only once"
        if word.index(unit) == len(word) - 1:
            settings.size = leading_number(word) * MULTIPLIERS[unit]
        return None if settings.size > 0 else "Invalid rotation size parameter"
    if (settings.size > 0 or settings.seconds > 0) and last:
        if settings.has("l"):
            return "UTC offset parameter is not valid with -l"
        settings.offset = leading_number(word) * 60
        return None
    if settings.seconds > 0:
        return "Rotation time parameter allowed only once"
    settings.seconds = leading_number(word)
    return None if settings.seconds > 0 else "Invalid rotation time parameter"


# --- files -------------------------------------------------------------------------------------------------------


class LogFile:
    """An open file."""

    __slots__ = ("fd", "name")

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self.name = name


class Rotator:
    """The current file, and when it is over. Times are seconds since the epoch, shifted by the offset from UTC."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.current: LogFile | None = None
        self.ends = 0
        self._number = -1  # of the current file, with -n
        self._within_line = False
        self._lost = 0
        self._unopened = False

    # -- what is read

    def write(self, data: bytes) -> None:
        """Append what was read. A line that has been begun is finished in the file where it stands."""
        if self._within_line and self.current is not None:
            end = data.find(b"\n") + 1 or len(data)
            self._append(self.current, data[:end])
            data = data[end:]
            if not data:
                return
        self.rotate_if_due()
        if data and self.current is not None:
            self._append(self.current, data)

    def _append(self, file: LogFile, data: bytes) -> None:
        self._within_line = not data.endswith(b"\n")
        at = 0
        try:
            while at < len(data):
                at += os.write(file.fd, data[at:])
        except OSError as error:
            if not self._lost:
                say(f"Error {error.errno} writing to log file {file.name} ({error.strerror})")
            self._lost += 1
            self._within_line = at > 0 and data[at - 1 : at] != b"\n"
            return
        if self._lost:
            say(f"{self._lost} messages lost, writing to log file {file.name} again")
            self._lost = 0

    # -- when

    def _now(self) -> tuple[int, int]:
        """The shifted time, and the offset."""
        now = int(time.time())
        offset = time.localtime(now).tm_gmtoff if self.settings.has("l") else self.settings.offset
        return now + offset, offset

    def remaining(self) -> int:
        """Seconds until the interval is over; before the first file a whole one."""
        return self.ends - self._now()[0] if self.ends else self.settings.seconds

    def rotate_if_due(self) -> None:
        reason = self._reason()
        if reason is not None:
            if self.settings.has("v"):
                say(f"File rotation needed, reason: {reason}")
            self.rotate(reason)

    def _reason(self) -> str | None:
        if self.current is None:
            return NEW
        if self.settings.size and os.fstat(self.current.fd).st_size > self.settings.size:
            return SIZE
        if self.settings.seconds and self._now()[0] >= self.ends:
            return TIME
        return None

    # -- how

    def rotate(self, reason: str | None = None) -> None:
        """Open the next file. Raises Exit where there is no other to go on with."""
        settings, previous = self.settings, self.current
        name, number = self._next_name()
        if settings.has("D"):
            self._create_directories(name)
        if settings.has("v"):
            say(f"Opening file {name}")
        empty = settings.has("t") or (previous is not None and (settings.files > 0 or settings.has("T")))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (os.O_TRUNC if empty else 0)
        try:
            file = LogFile(os.open(name, flags, 0o666), name)
        except OSError as error:
            text = f"Could not open log file '{name}' ({error.strerror})"
            if previous is None:
                raise fail(2, text) from None
            if not self._unopened:
                say(f"{text}, going on with {previous.name}")
            self._unopened = True
            return
        self._unopened = False
        self._link(file)
        self._run_program(file)
        self._number = number
        if previous is not None:
            if settings.has("v"):
                say(f"Closing file {previous.name}")
            os.close(previous.fd)
        self.current = file
        if reason is NEW and settings.files > 0 and not settings.has("t"):
            self.rotate_if_due()  # it may have been large already

    def _next_name(self) -> tuple[str, int]:
        """The name of the next file, and its number with -n."""
        settings = self.settings
        now, offset = self._now()
        begins = now
        if settings.seconds:
            begins = now // settings.seconds * settings.seconds
            ends = begins + settings.seconds
            if begins < self.ends:  # the interval is not over: size is the reason
                begins = now
            self.ends = ends
        if settings.pattern:
            broken_down = time.localtime(begins - offset) if settings.has("l") else time.gmtime(begins)
            return time.strftime(settings.name, broken_down), -1
        if settings.has("t"):
            return settings.name, -1
        if settings.files > 0:
            number = (self._number + 1) % settings.files
            return f"{settings.name}.{number}" if number else settings.name, number
        return f"{settings.name}.{begins:010d}", -1

    def _create_directories(self, name: str) -> None:
        path = os.path.dirname(name)
        if path in ("", "/"):
            return
        if self.settings.has("v"):
            say(f"Creating directory tree {path}")
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise fail(2, f"Could not create directory '{path}' ({error.strerror})") from None

    def _link(self, file: LogFile) -> None:
        link = self.settings.link
        if link is None:
            return
        if self.settings.has("v"):
            say(f"Linking {file.name} to {link}")
        try:
            os.unlink(link)
        except OSError:
            pass  # mostly there is none; else linking says what is wrong
        try:
            os.link(file.name, link)
        except OSError as error:
            raise fail(2, f"Error linking file {file.name} to {link} ({error.strerror})") from None

    def _run_program(self, file: LogFile) -> None:
        program = self.settings.program
        if program is None:
            return
        if self.settings.has("v"):
            say(f"Calling post-rotate program: {program}")
        arguments = [program, file.name, *([self.current.name] if self.current is not None else [])]
        stdin = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)  # or it could read our lines
        try:
            os.posix_spawn(program, arguments, os.environ, file_actions=[stdin], setsigdef=SIGNALS)
        except OSError as error:
            say(f"Could not spawn post-rotate process '{program}': {error.strerror}")


# --- the program -------------------------------------------------------------------------------------------------


def run(settings: Settings) -> None:
    """Until the end of the input. Raises Exit."""
    rotator = Rotator(settings)
    if settings.has("f"):
        rotator.rotate()
    by_clock = settings.has("c") and settings.seconds > 0
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while True:
        remaining = min(rotator.remaining(), LONGEST_POLL) if by_clock else 0
        if by_clock and (remaining <= 0 or not poll.poll(remaining * 1000)):
            rotator.rotate_if_due()
            continue
        try:
            data = os.read(0, CHUNK)
        except OSError:
            raise Exit(3) from None
        if not data:
            return
        rotator.write(data)
        if settings.has("e"):
            echo(data)


def echo(data: bytes) -> None:
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:
        raise fail(4, "Unable to write to stdout") from None


def main(arguments: Sequence[str] | None = None) -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        settings = settings_of(sys.argv if arguments is None else arguments)
        if settings.program is not None:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the programs
        if settings.has("v"):
            sys.stderr.write(settings.described())
        run(settings)
    except Exit as end:
        return end.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
