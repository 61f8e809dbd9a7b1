"""mod_authz_user: authorization by who the user is: Require user and valid-user."""

from __future__ import annotations

from pyhttpd.api.authz import AuthzProvider, Outcome, parse_no_arguments, parse_words, words_of
from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.request import Request
from pyhttpd.config.directive import Setting
from pyhttpd.expr import EvaluationError, Text
from pyhttpd.util.escape import native


def parse_users(setting: Setting, text: str) -> Text:
    return parse_words(setting, text, "authz_user")


def check_user(request: Request, users: Text) -> Outcome:
    if request.user is None:
        return Outcome.NO_USER
    try:
        names = words_of(users.evaluate(variables_of(request)))
    except EvaluationError as error:
        message = f"authz_user authorize: require user: Can't evaluate require expression: {error}"
        request.log(Level.ERROR, "authz_user", "AH02594", message)
        return Outcome.DENIED
    if request.user in names:
        return Outcome.GRANTED
    message = (
        f"access to {request.uri} failed, reason: user '{native(request.user)}' does not meet 'require'ments for user "
        "to be allowed access"
    )
    request.log(Level.DEBUG, "authz_user", "AH01663", message)
    return Outcome.DENIED


def check_valid_user(request: Request, parsed: None) -> Outcome:
    return Outcome.NO_USER if request.user is None else Outcome.GRANTED


MODULE = Module(
    "authz_user_module",
    "mod_authz_user.c",
    providers=(
        Provider("authz", "user", AuthzProvider(parse_users, check_user, pure=True)),
        Provider("authz", "valid-user", AuthzProvider(parse_no_arguments, check_valid_user, pure=True)),
    ),
)
