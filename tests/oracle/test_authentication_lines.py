"""Right and wrong lines of the modules that authenticate and authorize: taken or refused as by Apache, in its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import require_apache
from tests.oracle.test_config import lines_of, ours
from tests.unit.config.test_against_apache import apache

MODULES = ("authn_core", "authn_file", "auth_basic", "authz_host", "authz_user", "authz_groupfile", "access_compat")
HEAD = "".join(f"LoadModule {name}_module modules/mod_{name}.so\n" for name in MODULES) + "ServerName x\n"
INSIDE = (
    "AuthType", "AuthType a b", "AuthType Basic", 'AuthType "%{X"', "AuthType %{NONE}", "AuthType None", 'AuthType ""',
    "AuthName", "AuthName a b", "AuthName 'a b'", 'AuthName "%{NONE}"', 'AuthName ""', "AuthName %{REMOTE_ADDR}",
    "AuthUserFile", "AuthUserFile a b", "AuthUserFile nowhere", 'AuthUserFile ""',
    "AuthGroupFile", "AuthGroupFile a b", "AuthGroupFile nowhere",
    "AuthBasicProvider", "AuthBasicProvider file", "AuthBasicProvider File", "AuthBasicProvider file none",
    "AuthBasicProvider file file", "AuthBasicProvider file more", "AuthBasicProvider more again",
    "AuthBasicAuthoritative", "AuthBasicAuthoritative maybe", "AuthBasicAuthoritative off",
    "AuthBasicFake", "AuthBasicFake a b c", "AuthBasicFake a", "AuthBasicFake %{NONE}", "AuthBasicFake a %{NONE}",
    "AuthBasicFake OFF", "AuthBasicFake off %{NONE}", 'AuthBasicFake a ""',
    "AuthBasicUseDigestAlgorithm", "AuthBasicUseDigestAlgorithm SHA", "AuthBasicUseDigestAlgorithm md5",
    "Require user", "Require user a b", "Require user %{NONE}", "Require valid-user", "Require valid-user a b",
    "Require group", "Require group %{NONE}", "Require group a", "Require not group a",
    "Order", "Order allow, deny", "Order allow", "Order ALLOW,DENY", "Order deny,allow", "Order mutual-failure",
    "Allow", "Allow from", "Allow all", "Allow to all", "Allow FROM ALL", "Allow from 10", "Allow from 10.1 10.2.",
    "Allow from 10.0.0.0/8", "Allow from 10.0.0.0/33", "Allow from 10.0/8", "Allow from 10.0.0.0/255.0.0.0",
    "Allow from 10.0.0.0/0", "Allow from 10.0.0.0/", "Allow from 10.300", "Allow from 1.2.3.4.5", "Allow from x/8",
    "Allow from ::1", "Allow from fe80::/10", "Allow from ::1/129", "Allow from ::x", "Allow from a#b", "Allow from #",
    "Allow from env=", "Allow from env=X env=!Y", "Allow from ENV=X", "Allow from x y.z .w", "Allow from * ",
    "Allow from /8", "Allow from x:y", "Allow from ::1%lo", "Allow from x:y/8", 'Allow from a "" b',
    "Allow from 10.1.2.3 # comment",
    "Deny", "Deny from", "Deny all", "Deny from all", "Deny from 10.300", "Deny from x/8",
    "Satisfy", "Satisfy all any", "Satisfy both", "Satisfy ANY", "Satisfy All",
    "<Limit GET>\nOrder allow,deny\nAuthType Basic\n</Limit>",
    "<RequireAll>\nAuthType Basic\nRequire local\n</RequireAll>",
    "<RequireAll>\nOrder allow,deny\nRequire local\n</RequireAll>",
    "<AuthnProviderAlias file x>\n</AuthnProviderAlias>",
)  # fmt: skip
OUTSIDE = (
    "AuthType Basic", "AuthName x", "AuthUserFile x", "AuthGroupFile x", "AuthBasicProvider file", "Require valid-user",
    "AuthBasicAuthoritative On", "AuthBasicFake x", "AuthBasicUseDigestAlgorithm MD5", "Order allow,deny",
    "Allow from all", "Deny from all", "Satisfy any",
    "<AuthnProviderAlias>\n</AuthnProviderAlias>", "<AuthnProviderAlias file>\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file file>\n</AuthnProviderAlias>", "<AuthnProviderAlias file FILE>\n</AuthnProviderAlias>",
    "<AuthnProviderAlias none x>\n</AuthnProviderAlias>", "<AuthnProviderAlias none file>\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file x y>\n</AuthnProviderAlias>", "<AuthnProviderAlias file x\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file more>\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file x>\nAuthUserFile a\nAuthName b\nOrder allow,deny\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file x>\nAuthUserFile a\nAuthName b\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file x>\nListen 8080\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file x>\nOptions None\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file x>\nAllowOverride None\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file x>\nRequire valid-user\n</AuthnProviderAlias>",
    "<AuthnProviderAlias file x>\nAuthUserFile\n</AuthnProviderAlias>",
    "<AuthzProviderAlias group staff a>\nAuthGroupFile b\n</AuthzProviderAlias>",
    "<AuthzProviderAlias user joe \"joe jim\">\n</AuthzProviderAlias>\n<Location /y>\nRequire joe\n</Location>",
    "<VirtualHost *:80>\n<AuthnProviderAlias file x>\n</AuthnProviderAlias>\n</VirtualHost>",
    "<VirtualHost *:80>\nAuthName x\n</VirtualHost>",
)  # fmt: skip
BEFORE = "<AuthnProviderAlias file more>\n</AuthnProviderAlias>\n"
SECTIONS = ("Directory /x", "Location /x", "Files x", "FilesMatch x", "If true")


def check(directory: Path, text: str) -> None:
    require_apache()
    content = (HEAD + BEFORE + text + "\n").encode("utf-8", "surrogateescape")
    (directory / "httpd.conf").write_bytes(content)
    accepted, theirs = apache(directory)
    taken, found = ours(directory)
    said = [line.replace(str(directory), "ROOT") for line in lines_of(found)]
    theirs = [line for line in dict.fromkeys(theirs) if line != "Syntax OK"]
    assert (taken, said[: len(theirs)]) == (accepted, theirs), text


@pytest.mark.parametrize("lines", INSIDE)
def test_inside(lines: str, tmp_path: Path) -> None:
    check(tmp_path, f"<Directory /x>\n{lines}\n</Directory>")


@pytest.mark.parametrize("lines", OUTSIDE)
def test_outside(lines: str, tmp_path: Path) -> None:
    check(tmp_path, lines)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section(section: str, tmp_path: Path) -> None:
    """What is right in one is right in all."""
    lines = ("AuthType Basic", "AuthName x", "AuthUserFile x", "AuthGroupFile x", "AuthBasicProvider more file",
             "AuthBasicAuthoritative On", "AuthBasicFake x", "AuthBasicUseDigestAlgorithm MD5", "Order allow,deny",
             "Allow from all", "Deny from env=X", "Satisfy any", "Require valid-user")  # fmt: skip
    end = section.partition(" ")[0]
    check(tmp_path, f"<{section}>\n{chr(10).join(lines)}\n</{end}>")
