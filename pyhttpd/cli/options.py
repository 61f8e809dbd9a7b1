"""The command line of pyhttpd: Apache's options, read as Apache's getopt reads them.

Nothing but this file is needed for `-v` and `-h`, so it imports nothing (dataclasses alone cost as much as Python's
own start).
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself costs more than this file; checkers know the name
if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "pyhttpd"

WITH_ARGUMENT = "CcDdEefk"
WITHOUT_ARGUMENT = "vVlLtTSMhX?"

ACTIONS = ("start", "stop", "restart", "graceful", "graceful-stop")
PLANNED = ("graceful", "restart")

LEVELS = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", *(f"trace{n}" for n in range(1, 9)))

# -D names that turn a start into a dump, with or without -t. DUMP_CONFIG and DUMP_CERTS need the -t.
DUMPS = ("DUMP_VHOSTS", "DUMP_RUN_CFG", "DUMP_MODULES", "DUMP_INCLUDES")

PLAN = "--plan"
FORMAT = "--format"
FORMATS = ("json", "sarif")

USAGE = f"""\
Usage: {PROGRAM} [-D name] [-d directory] [-f file]
               [-C "directive"] [-c "directive"]
               [-k start|restart|graceful|graceful-stop|stop]
               [-v] [-V] [-h] [-l] [-L] [-t] [-T] [-S] [-X]
       {PROGRAM} explain URL [options]   (explain -h lists them)
Options:
  -D name            : define a name for use in <IfDefine name> directives
  -d directory       : specify an alternate initial ServerRoot
  -f file            : specify an alternate ServerConfigFile
  -C "directive"     : process directive before reading config files
  -c "directive"     : process directive after reading config files
  -e level           : show startup errors of level (see LogLevel)
  -E file            : log startup errors to file
  -k graceful --plan : show what a reload would change, and do nothing; or restart
  -v                 : show version number
  -V                 : show compile settings
  -h                 : list available command line options (this page)
  -l                 : list compiled in modules
  -L                 : list available configuration directives
  -t -D DUMP_VHOSTS  : show parsed vhost settings
  -t -D DUMP_RUN_CFG : show parsed run settings
  -S                 : a synonym for -t -D DUMP_VHOSTS -D DUMP_RUN_CFG
  -t -D DUMP_MODULES : show all loaded modules\x20
  -M                 : a synonym for -t -D DUMP_MODULES
  -t -D DUMP_INCLUDES: show all included configuration files
  -t                 : run syntax check for config files
  -t --format json   : the same for programs, on standard output; or sarif
  -T                 : start without DocumentRoot(s) check
  -X                 : debug mode (only one worker, do not detach)
"""


class UsageError(Exception):
    """The command line is wrong, or asks for the usage. The text is the line above the usage, perhaps empty."""


class Options:
    """What the command line said.

    `action` is the verb of -k, None without one. `format` is one of FORMATS, None for text. `show` is what to print
    instead of running: "version", "compiled_in" (-l), "settings" (-V), "directives" (-L). `words` are the options as
    they stand in the error log's AH00094: one word each, without -k. `plan`: tell what -k would change, do nothing.
    """

    __slots__ = (
        "action", "after", "before", "config_file", "defines", "dump", "format", "plan", "server_root", "show",
        "skip_document_root_check", "startup_level", "startup_log", "test", "words",
    )  # fmt: skip

    def __init__(self) -> None:
        self.action: str | None = None
        self.server_root: str | None = None
        self.config_file: str | None = None
        self.defines: list[str] = []
        self.before: list[str] = []
        self.after: list[str] = []
        self.startup_level: str | None = None
        self.startup_log: str | None = None
        self.skip_document_root_check = False
        self.test = False
        self.dump = False
        self.show: str | None = None
        self.format: str | None = None
        self.plan = False
        self.words: list[str] = []

    @property
    def command_line(self) -> str:
        return " ".join([PROGRAM, *self.words])


def parse(arguments: list[str]) -> Options:
    """Read a command line. Raises UsageError where Apache prints its usage and exits with status 1.

    `-v` ends the reading at once, as in Apache: what follows it is not looked at.
    """
    options = Options()
    for letter, argument in split(arguments):
        if letter in "h?":
            raise UsageError("")
        if letter == "v":
            options.show = "version"
            return options
        take(options, letter, argument or "")
        if letter in (FORMAT, PLAN):
            continue
        if letter != "k":
            options.words += [f"-{letter}"] if argument is None else [f"-{letter}", argument]
    if options.plan and options.action not in PLANNED:
        raise UsageError(f"{PROGRAM}: {PLAN} goes with -k {' or -k '.join(PLANNED)}")
    if options.format is not None and not options.test and not (options.plan and options.format == "json"):
        raise UsageError(f"{PROGRAM}: --format goes with -t, --format json with {PLAN}, too")
    return options


def take(options: Options, letter: str, argument: str) -> None:
    """One option. `argument` is empty for those that have none."""
    if letter == "k":
        if options.action is not None or argument not in ACTIONS:
            raise UsageError(f"{PROGRAM}: illegal option -- k")  # Apache's text for a wrong verb and for a second -k
        options.action = argument
    elif letter == FORMAT:
        if argument not in FORMATS:
            raise UsageError(f"{PROGRAM}: --format takes {' or '.join(FORMATS)}, not '{argument}'")
        options.format = argument
    elif letter == PLAN:
        options.plan = True
    elif letter == "d":
        options.server_root = argument
    elif letter == "f":
        options.config_file = argument
    elif letter == "C":
        options.before.append(argument)
    elif letter == "c":
        options.after.append(argument)
    elif letter == "D":
        options.defines.append(argument)
        options.dump = options.dump or argument in DUMPS
    elif letter == "e":
        if argument.lower() not in LEVELS:
            raise UsageError("")
        options.startup_level = argument.lower()
    elif letter == "E":
        options.startup_log = argument
    elif letter == "X":
        options.defines.append("DEBUG")
    elif letter == "T":
        options.skip_document_root_check = True
    elif letter == "t":
        options.test = True
    elif letter == "S":
        options.defines += ["DUMP_VHOSTS", "DUMP_RUN_CFG"]
        options.dump = True
    elif letter == "M":
        options.defines.append("DUMP_MODULES")
        options.dump = True
    elif options.show is None:
        options.show = {"l": "compiled_in", "L": "directives", "V": "settings"}[letter]


def split(arguments: list[str]) -> Iterator[tuple[str, str | None]]:
    """Words to (letter, argument) pairs: `-tf x` and `-tfx` are `-t -f x`. Raises UsageError where it meets a mistake.

    One `--` is passed over, as by Apache, which reads the command line twice. But Apache also takes `--version` for
    the end of the options, and starts: here any but --format and --plan is a mistake.
    """
    words = list(arguments)
    if "--" in words:
        words.remove("--")
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if len(word) < 2 or word[0] != "-":
            raise UsageError("")
        if word == PLAN:
            yield PLAN, None
            continue
        if word.startswith(FORMAT):
            name, equals, value = word.partition("=")
            if name == FORMAT and (equals or position < len(words)):
                yield FORMAT, value if equals else words[position]
                position += not equals
                continue
        rest = word[1:]
        while rest:
            letter, rest = rest[0], rest[1:]
            if letter in WITHOUT_ARGUMENT:
                yield letter, None
            elif letter not in WITH_ARGUMENT:
                raise UsageError(f"{PROGRAM}: illegal option -- {letter}")
            elif rest:
                yield letter, rest
                rest = ""
            elif position < len(words):
                yield letter, words[position]
                position += 1
            elif letter == "k":
                raise UsageError(f"{PROGRAM}: illegal option -- k")
            else:
                raise UsageError(f"{PROGRAM}: option requires an argument -- {letter}")
