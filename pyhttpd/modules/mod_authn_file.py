"""mod_authn_file: users and the hashes of their passwords in a text file, as htpasswd and htdigest write it."""

from __future__ import annotations

from dataclasses import dataclass

from pyhttpd.api.authentication import AuthnProvider, AuthnServer, Verdict
from pyhttpd.api.core_config import CoreDir, Overriding
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Preparation, Provider
from pyhttpd.api.request import Request
from pyhttpd.api.scopes import all_scopes
from pyhttpd.api.text_file import find_entry, lines_with, read_or_log
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.directive import ACCESS, Args, Directive, Override, Setting
from pyhttpd.config.merging import Values
from pyhttpd.util import passwords


@dataclass(frozen=True, slots=True)
class FileConfig:
    user_file: str | None = None


def auth_user_file(setting: Setting, name: str) -> None:
    setting.set("user_file", setting.path(name))


DIRECTIVES = (
    Directive("AuthUserFile", Args.take(str), ACCESS, override=Override.AUTHCONFIG, into=FileConfig,
              apply=auth_user_file, help="text file containing user IDs and passwords"),
)  # fmt: skip


def _users(request: Request, not_specified: str, not_opened: str) -> bytes | None:
    """What the file says, read for each request; None with a line in the log under one of the numbers."""
    path = request.config(FileConfig).user_file
    if path is None:
        message = "AuthUserFile not specified in the configuration"
        request.log(Level.ERROR, "authn_file", not_specified, message)
        return None
    return read_or_log(request, path, "password file", "authn_file", not_opened)


def check_password(request: Request, user: str, password: str) -> Verdict:
    users = _users(request, "AH01619", "AH01620")
    if users is None:
        return Verdict.ERROR
    hashed = find_entry(users, user.encode("latin-1"))
    if hashed is None:  # as long as for a user who is there, so that the time of an answer does not tell who is
        line = next(lines_with(users, b":"), b"")
        passwords.matches(password.encode("latin-1"), line.partition(b":")[2].partition(b":")[0])
        return Verdict.NOT_FOUND
    return Verdict.GRANTED if passwords.matches(password.encode("latin-1"), hashed) else Verdict.DENIED


def realm_hash(request: Request, user: str, realm: str) -> str | Verdict:
    users = _users(request, "AH01621", "AH01622")
    if users is None:
        return Verdict.ERROR
    found = find_entry(users, user.encode("latin-1"), realm.encode("latin-1"))
    return Verdict.NOT_FOUND if found is None else found.decode("latin-1")


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    """What verifies passwords is loaded where some scope has a file of them, or an .htaccess file may name one: a child
    may not be able to read the libraries, and what is loaded before the fork is shared."""
    aliases = configuration.main.config(AuthnServer).aliases.values()
    settings = (*(scope.values for scope in all_scopes(configuration)), *(alias.settings for alias in aliases))
    if any(map(_may_verify, settings)):
        passwords.load()


def _may_verify(values: Values) -> bool:
    core = values.get(CoreDir, {})
    overriding: Overriding = core.get("override") or Overriding()
    listed: frozenset[str] = core.get("override_list") or frozenset()
    named = "user_file" in values.get(FileConfig, {})
    return named or bool(overriding.classes & Override.AUTHCONFIG) or "authuserfile" in listed


MODULE = Module(
    "authn_file_module",
    "mod_authn_file.c",
    per_dir=FileConfig,
    directives=DIRECTIVES,
    providers=(Provider("authn", "file", AuthnProvider(check_password, realm_hash)),),
    prepare=prepare,
    prepare_only_reads=True,
)
