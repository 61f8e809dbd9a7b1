"""pyhttpd-htpasswd: users and the hashes of their passwords in the file that AuthUserFile names.

The options, messages and exit statuses are those of Apache's htpasswd. What is different: the file is never seen half
written, it is another one or as it was; two programs at once lose nothing; long lines stay whole; a name cannot bring
a line of its own; what crypt(3) refuses to hash is not stored; and an input that has ended is no empty password.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from pyhttpd.util import passwords

FILE, SYNTAX, MISMATCH, INTERRUPTED, OVERFLOW, BAD_USER, INVALID, GENERAL, NO_ALGORITHM = 1, 2, 3, 4, 5, 6, 7, 9, 10
LONGEST = 256  # bytes of a record, and one more than a name or a password on the command line may have
LONGEST_PATH = 4096
BCRYPT_COSTS = range(4, 18)
BCRYPT_DEFAULT = 5
BLANKS = b" \t\n\v\f\r"
FLAGS = "cnmspdBbDi25v"
SHA = {"2": b"5", "5": b"6"}  # what crypt(3) calls SHA-256 and SHA-512

USAGE = f"""\
Usage:
	htpasswd [-cimB25dpsDv] [-C cost] [-r rounds] passwordfile username
	htpasswd -b[cmB25dpsDv] [-C cost] [-r rounds] passwordfile username password

	htpasswd -n[imB25dps] [-C cost] [-r rounds] username
	htpasswd -nb[mB25dps] [-C cost] [-r rounds] username password

 -c  Make a new file, or empty the one that is there.
 -n  Show the line on standard output instead of changing a file.
 -b  The password is on the command line, where others may see it.
 -i  Read the password from standard input, once.
 -m  Hash with Apache's MD5 (the default).
 -2  Hash with SHA-256 of crypt(3).
 -5  Hash with SHA-512 of crypt(3).
 -B  Hash with bcrypt: the most secure of them.
 -C  How much work bcrypt shall be, as a power of two:
     {BCRYPT_COSTS[0]} to {BCRYPT_COSTS[-1]}, {BCRYPT_DEFAULT} if not given.
 -r  How much work -2 and -5 shall be, in rounds: 5000 if not given.
 -d  Hash with DES of crypt(3): insecure, eight characters count.
 -s  Hash with SHA-1 without a salt: insecure.
 -p  Do not hash: no server takes it.
 -D  Delete the user.
 -v  Verify the user's password.
""".replace("htpasswd ", "pyhttpd-htpasswd ")


class Exit(Exception):
    """The program ends with this status; the message has been written."""

    def __init__(self, status: int) -> None:
        self.status = status


class Settings:
    """What the command line says."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.path = ""
        self.user = b""
        self.password: bytes | None = None  # -b
        self.source = ""  # b: the command line, i: standard input; else the terminal
        self.action = ""  # c, n, v, D
        self.algorithm = "m"
        self.cost = 0  # 0: not given

    def fail(self, status: int, message: str) -> Exit:
        say(f"{self.program}: {message}\n")
        return Exit(status)


def say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


# --- the command line --------------------------------------------------------------------------------------------


def settings_of(arguments: Sequence[str]) -> Settings:
    """Raises Exit."""
    settings = Settings(arguments[0])
    actions: set[str] = set()
    rest = list(arguments[1:])
    while rest and rest[0].startswith("-") and rest[0] != "-":
        letters = rest.pop(0)[1:]
        if letters.startswith("-"):
            break
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "Cr":
                if not letters and not rest:
                    say(f"{os.path.basename(settings.program)}: option requires an argument -- {letter}\n")
                    raise usage()
                settings.cost = _positive(settings, letters or rest.pop(0))
                letters = ""
            elif letter in FLAGS:
                _take_flag(settings, letter, actions)
            else:
                say(f"{os.path.basename(settings.program)}: illegal option -- {letter}\n")
                raise usage()
    if len(actions) > 1:
        raise settings.fail(SYNTAX, "only one of -c -n -v -D may be specified")
    settings.action = "".join(actions)
    _take_names(settings, rest)
    return settings


def _take_flag(settings: Settings, letter: str, actions: set[str]) -> None:
    if letter in "cnvD":
        actions.add(letter)
    elif letter in "bi":
        settings.source = letter
    else:
        settings.algorithm = letter
        if letter == "p":
            say("Warning: storing passwords as plain text might just not work on this platform.\n")


def _positive(settings: Settings, text: str) -> int:
    digits = text.strip().removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and 0 < int(digits[:20]) < 2**31):
        raise settings.fail(SYNTAX, "argument to -C/-r must be a positive integer")
    return int(digits)


def _take_names(settings: Settings, rest: Sequence[str]) -> None:
    names = list(map(os.fsencode, rest))
    if len(names) != 1 + (settings.action != "n") + (settings.source == "b"):
        raise usage()
    if settings.action != "n":
        path = names.pop(0)
        if len(path) >= LONGEST_PATH:
            raise settings.fail(OVERFLOW, "filename too long")
        settings.path = os.fsdecode(path)
    settings.user = names.pop(0)
    if len(settings.user) >= LONGEST:
        raise settings.fail(OVERFLOW, f"username too long (> {LONGEST - 1})")
    for character in (b":", b"\n"):
        if character in settings.user:
            shown = character.decode() if character == b":" else "\\n"
            raise settings.fail(BAD_USER, f"username contains illegal character '{shown}'")
    if names:
        settings.password = names[0]
        if len(settings.password) >= LONGEST:
            raise settings.fail(OVERFLOW, f"password too long (> {LONGEST})")


def usage() -> Exit:
    say(USAGE)
    return Exit(SYNTAX)


# --- the password ------------------------------------------------------------------------------------------------


def password_of(settings: Settings) -> bytes:
    """From wherever it comes. Raises Exit."""
    if settings.password is not None:
        return settings.password
    if settings.source == "i":
        password = sys.stdin.buffer.read(LONGEST)
        if password.endswith(b"\n") and len(password) < LONGEST:
            password = password[:-1].removesuffix(b"\r")
        password = password.partition(b"\0")[0] if len(password) < LONGEST else password
    elif settings.action == "v":
        password = ask(settings, "Enter password: ")
    else:
        password = ask(settings, "New password: ")
        if len(password) <= LONGEST and ask(settings, "Re-type new password: ") != password:
            raise settings.fail(MISMATCH, "password verification error")
    if len(password) > LONGEST or (settings.source == "i" and len(password) == LONGEST):
        raise settings.fail(OVERFLOW, f"password too long (>{LONGEST})")
    return password


def ask(settings: Settings, prompt: str) -> bytes:
    """A line from the terminal, unseen; where there is none, from standard input. Raises Exit."""
    from getpass import getpass

    try:
        with open(os.ctermid(), "rb"):
            pass
    except OSError:
        say(prompt)
        line = sys.stdin.buffer.readline()
        if not line:
            say("\n")
            raise settings.fail(GENERAL, "Unable to read from stdin.") from None
        return line.removesuffix(b"\n")
    try:
        return os.fsencode(getpass(prompt))
    except EOFError:
        raise settings.fail(GENERAL, "the terminal was closed") from None


def record_of(settings: Settings) -> bytes:
    """The line for the user and the password. Raises Exit."""
    algorithm, cost = settings.algorithm, settings.cost
    if cost and algorithm not in "B25":
        say("Warning: Ignoring -C/-r argument for this algorithm.\n")
    password = password_of(settings)
    if algorithm == "s":
        found = passwords.sha1(password)
    elif algorithm == "p":
        found = password
        if b"\n" in password:
            raise settings.fail(GENERAL, "a line end cannot be stored")
    elif algorithm == "m":
        found = passwords.apr1(password, passwords.random_salt(8))
    elif algorithm == "B":
        if (cost or BCRYPT_DEFAULT) not in BCRYPT_COSTS:
            raise settings.fail(MISMATCH, "Unable to encode with bcrypt: Invalid argument")
        found = passwords.bcrypt_hash(password, cost or BCRYPT_DEFAULT)
    else:
        found = _by_crypt(settings, password)
    record = settings.user + b":" + found + b"\n"
    if len(record) >= LONGEST:
        raise settings.fail(OVERFLOW, "resultant record too long")
    return record


def _by_crypt(settings: Settings, password: bytes) -> bytes:
    if passwords.system_crypt() is None:
        raise settings.fail(NO_ALGORITHM, "this system has no crypt(3)")
    if settings.algorithm == "d":
        setting = passwords.random_salt(2)
    else:
        rounds = b"rounds=%d$" % settings.cost if settings.cost else b""
        setting = b"$%b$%b%b" % (SHA[settings.algorithm], rounds, passwords.random_salt(16))
    found = passwords.crypt_hash(password, setting)
    if found is None:
        raise settings.fail(MISMATCH, "crypt() failed: Invalid argument")
    if settings.algorithm == "d" and len(password) > 8:
        say("Warning: Password truncated to 8 characters by CRYPT algorithm.\n")
    return found


# --- the file ----------------------------------------------------------------------------------------------------


def run(settings: Settings) -> None:
    """Raises Exit."""
    if settings.action == "n":
        sys.stdout.buffer.write(record_of(settings) + b"\n")
        sys.stdout.buffer.flush()
        return
    there = os.path.isfile(settings.path)
    _check_access(settings, there)
    if settings.action == "v":
        verify(settings, _read(settings))
        return
    record = b"" if settings.action == "D" else record_of(settings)
    if settings.action == "c":
        say(f"Adding password for user {os.fsdecode(settings.user)}\n")
        _write(settings, record)
        return
    with _locked(settings):
        lines, found = changed(settings, _read(settings), record)
        name = os.fsdecode(settings.user)
        if settings.action == "D":
            if not found:
                say(f"User {name} not found\n")
                return
            say(f"{'Deleting ' * found}password for user {name}\n")
        else:
            say(f"{'Updating ' * found or 'Adding '}password for user {name}\n")
        _write(settings, lines)


def _check_access(settings: Settings, there: bool) -> None:
    path = settings.path
    if there:
        mode, what = (os.R_OK, "read") if settings.action == "v" else (os.R_OK | os.W_OK, "read/write")
        if not os.access(path, mode):
            raise settings.fail(FILE, f"cannot open file {path} for {what} access")
    elif settings.action != "c":
        raise settings.fail(FILE, f"cannot modify file {path}; use '-c' to create it")
    elif os.path.isdir(path) or not os.access(path if os.path.exists(path) else os.path.dirname(path) or ".", os.W_OK):
        raise settings.fail(FILE, f"cannot create file {path}")


def _read(settings: Settings) -> bytes:
    try:
        with open(settings.path, "rb") as file:
            return file.read()
    except OSError:
        raise settings.fail(FILE, f"unable to read file {settings.path}") from None


def entries(settings: Settings, text: bytes) -> Iterator[tuple[bytes, bytes | None, bytes]]:
    """Each line with its user and what follows the colon; the user is None in comments and blank lines. Raises Exit."""
    *whole, last = text.split(b"\n")
    for line in (*(line + b"\n" for line in whole), *([last] if last else [])):
        content = line.lstrip(BLANKS)
        name, colon, rest = content.partition(b":")
        if not content or content.startswith(b"#"):
            yield line, None, b""
        elif colon:
            yield line, name, rest
        else:
            message = f"The file {settings.path} does not appear to be a valid htpasswd file."
            raise settings.fail(INVALID, message)


def changed(settings: Settings, text: bytes, record: bytes) -> tuple[bytes, int]:
    """The file with the user's record in place of all those that it has, or behind the others; how many it had."""
    lines: list[bytes] = []
    found = 0
    for line, name, _ in entries(settings, text):
        if name == settings.user:
            found += 1
            line = record
        lines.append(line)
    if not found:
        if lines and not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        lines.append(record)
    return b"".join(lines), found


def verify(settings: Settings, text: bytes) -> None:
    """Raises Exit where it is not the user's."""
    name = os.fsdecode(settings.user)
    found = [rest for _, user, rest in entries(settings, text) if user == settings.user]
    if not found:
        say(f"User {name} not found\n")
        raise Exit(BAD_USER)
    for rest in found:
        hashed = rest.partition(b"\n")[0].partition(b"\r")[0]
        if not hashed:
            say(f"Empty hash for user {name}\n")
            raise Exit(INVALID)
        if settings.password is None:
            settings.password = password_of(settings)
        if not passwords.matches(settings.password, hashed):
            say("password verification failed\n")
            raise Exit(MISMATCH)
    say(f"Password for user {name} correct.\n")


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """While nobody else changes the file. It is another one after each change, so its name is looked at again."""
    while True:
        fd = os.open(settings.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(fd), os.stat(settings.path)):
                yield
                return
        finally:
            os.close(fd)


def _write(settings: Settings, text: bytes) -> None:
    """In one step, so that a server that reads it finds the old file or the new one; raises Exit. Only what cannot be
    replaced (a mount, a device, a file with another name, a directory of somebody else) is written in its place."""
    path = settings.path
    try:
        try:
            target = os.path.realpath(path)  # of links, which stay
            if _is_replaceable(path):
                _replace(target, text)
                return
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EBUSY, errno.EROFS):
                raise
        with open(path, "wb") as file:
            file.write(text)
            file.flush()
            with suppress(OSError):  # a device need not have that
                os.fsync(file.fileno())
    except OSError:
        raise settings.fail(FILE, f"unable to update file {settings.path}") from None


def _is_replaceable(path: str) -> bool:
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return True
    return stat.S_ISREG(info.st_mode) and info.st_nlink == 1


def _replace(path: str, text: bytes) -> None:
    fd, temporary = tempfile.mkstemp(prefix=".htpasswd.", dir=os.path.dirname(path))
    try:
        with open(fd, "wb") as file:
            file.write(text)
            file.flush()
            _take_after(path, fd, temporary)
            os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _take_after(path: str, fd: int, temporary: str) -> None:
    """Owner, mode and attributes of the file that is replaced; those of any new file if there is none."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(fd, 0o666 & ~umask)
        return
    own = os.fstat(fd)
    if (info.st_uid, info.st_gid) != (own.st_uid, own.st_gid):
        os.fchown(fd, info.st_uid, info.st_gid)
    shutil.copystat(path, temporary)
    os.utime(temporary)


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        run(settings_of(sys.argv if arguments is None else arguments))
    except Exit as end:
        return end.status
    except KeyboardInterrupt:
        say("\n")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
