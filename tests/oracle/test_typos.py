"""Words that are misspelled inside directives: acceptance and first lines are Apache's, and then the word is underlined
and the one that was meant is named."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.render import apache_lines
from tests.conftest import require_apache
from tests.oracle.test_listen import reading, theirs
from tests.support.servers import APACHE_MODULES

MODULES = (
    "mpm_worker", "authn_core", "authz_core", "authz_host", "authz_user", "authz_groupfile", "authn_file", "auth_basic",
    "access_compat", "alias", "autoindex", "dir", "env", "headers", "mime", "reqtimeout", "setenvif", "status",
)  # fmt: skip


class Typo(NamedTuple):
    """A line, the part of it that is underlined, and the word that is suggested; None if there is none like it."""

    line: str
    underlined: str
    meant: str | None = None


TYPOS = {
    # around them: what is misspelled
    "{}\n": (
        Typo("Options Indexs", "Indexs", "Indexes"),
        Typo("Options +Indexs", "Indexs", "Indexes"),
        Typo("Options Indexes FolowSymLinks", "FolowSymLinks", "FollowSymLinks"),
        Typo('Options "FolowSymLinks"', "FolowSymLinks", "FollowSymLinks"),
        Typo("Options Indexes +FollowSymLinks", "+FollowSymLinks"),
        Typo("Options Indexes All", "All"),
        Typo("Options Non", "Non", "None"),
        Typo("LogLevel warm", "warm", "warn"),
        Typo("LogLevel core:inf", "inf", "info"),
        Typo("LogLevel info alais:debug", "alais", "alias"),
        Typo("LogLevel info core:", "core:"),
        Typo("LogLevel info ssl:warn", "ssl"),
        Typo('ErrorLogFormat requst "%M"', "requst", "request"),
        Typo("Header sett X 1", "sett", "set"),
        Typo("Header alway set X 1", "alway", "always"),
        Typo("Header always sett X 1", "sett", "set"),
        Typo("Header set X 1 earl", "earl", "early"),
        Typo("Header set X 1 evn=A", "evn=A"),
        Typo('Header set X "a %b %q c"', "%q"),
        Typo("Header edit X ( b", "("),
        Typo("RequestHeader sett X 1", "sett", "set"),
        Typo("RequestHeader ad X 1", "ad", "add"),
        Typo("Redirect permament /a /b", "permament", "permanent"),
        Typo("Redirect permament /a", "permament", "permanent"),
        Typo("Redirect tmp /a /b", "tmp", "temp"),
        Typo("Redirect gone /a /b", "/b"),
        Typo("RedirectMatch permament /a /b", "permament", "permanent"),
        Typo("Redirect /a b", "b"),
        Typo("Alias a /b", "a"),
        Typo("AliasMatch ( /b", "("),
        Typo("<AuthzProviderAlias iip a 1.2.3.4>\n</AuthzProviderAlias>", "iip", "ip"),
        Typo("<AuthnProviderAlias fil a>\n</AuthnProviderAlias>", "fil", "file"),
        Typo("ServerTokens Prodd", "Prodd", "Prod"),
        Typo("ServerSignature Emial", "Emial", "email"),
        Typo("AcceptPathInfo Of", "Of", "off"),
        Typo("AcceptPathInfo defualt", "defualt", "default"),
        Typo("EnableSendfile Onn", "Onn", "on"),
        Typo("EnableMMAP true", "true", "on"),
        Typo("KeepAlive yes", "yes", "On"),
        Typo("KeepAlive no", "no", "Off"),
        Typo("KeepAlive Of", "Of", "Off"),
        Typo("ExtendedStatus enabled", "enabled", "On"),
        Typo("BufferedLogs Onn", "Onn", "On"),
        Typo("DirectorySlash 1", "1", "On"),
        Typo("Mutex fiel:/tmp default", "fiel", "file"),
        Typo("Mutex pthraed", "pthraed", "pthread"),
        Typo("Mutex file:/nonexist", "/nonexist"),
        Typo("Mutex default defalt", "defalt", "default"),
        Typo("FileETag INod", "INod", "INode"),
        Typo("FileETag +MTim", "MTim", "MTime"),
        Typo("FileETag +All", "+All"),
        Typo("HostnameLookups Duoble", "Duoble", "double"),
        Typo("AllowEncodedSlashes NoDecod", "NoDecod", "nodecode"),
        Typo("MaxRanges unlimted", "unlimted", "unlimited"),
        Typo("MaxRangeOverlaps nome", "nome", "none"),
        Typo("MaxRangeReversals defalt", "defalt", "default"),
        Typo("ErrorDocument 999 /x", "999"),
        Typo("HttpProtocolOptions Strct", "Strct", "Strict"),
        Typo("HttpProtocolOptions Strict Unsafe", "Unsafe"),
        Typo("HttpProtocolOptions Allow09", "Allow09", "Allow0.9"),
        Typo("TraceEnable extnded", "extnded", "extended"),
        Typo("UseCanonicalName DSN", "DSN", "dns"),
        Typo("UseCanonicalPhysicalPort Onn", "Onn", "on"),
        Typo("ProtocolsHonorOrder Oof", "Oof", "off"),
        Typo("Protocols htp/1.1", "htp/1.1", "http/1.1"),
        Typo("RequestReadTimeout headr=20", "headr", "header"),
        Typo("RequestReadTimeout header=20 bdoy=20", "bdoy", "body"),
        Typo("RequestReadTimeout header", "header"),
        Typo("RequestReadTimeout header=x", "header=x"),
        Typo("DirectoryIndexRedirect permament", "permament", "permanent"),
        Typo("RegexDefaultOptions +DOTALLL", "+DOTALLL", "DOTALL"),
        Typo("IndexOptions FancyIndexin", "FancyIndexin", "FancyIndexing"),
        Typo("IndexOptions +FoldersFrist", "FoldersFrist", "FoldersFirst"),
        Typo("IndexOptions NameWidht=*", "NameWidht", "NameWidth"),
        Typo("IndexOrderDefault Ascendin Name", "Ascendin", "Ascending"),
        Typo("IndexOrderDefault Ascending Nam", "Nam", "Name"),
        Typo("<IfVersion => 2>\n</IfVersion>", "=>", ">="),
        Typo("<Direcory /x>\n</Direcory>", "<Direcory", "<Directory>"),
        Typo("<VirtualHos *:1>\n</VirtualHos>", "<VirtualHos", "<VirtualHost>"),
        Typo("Listen 80 htp", "htp"),
    ),
    "<Directory /x>\n{}\n</Directory>\n": (
        Typo("AllowOverride Al", "Al", "All"),
        Typo("AllowOverride FileInf Limit", "FileInf", "FileInfo"),
        Typo("AllowOverride Nonfatl=All", "Nonfatl", "Nonfatal"),
        Typo("AllowOverride Nonfatal", "Nonfatal"),
        Typo("AllowOverride Nonfatal=Overide", "Overide", "Override"),
        Typo("AllowOverride Options=Indexes,MultiView", "MultiView", "MultiViews"),
        Typo("AllowOverrideList Headr Require", "Headr", "Header"),
        Typo("Require all grantd", "grantd", "granted"),
        Typo("Require all", "all"),
        Typo("Require al granted", "al", "all"),
        Typo("Require hots x", "hots", "host"),
        Typo("Require not hots x", "hots", "host"),
        Typo("Require ip 1.2.3.x", "1.2.3.x"),
        Typo("Require ip 10.0.0.0/8 1.2.3.4/33", "1.2.3.4/33"),
        Typo("Require method GTE", "GTE", "GET"),
        Typo("Require method GET PSOT", "PSOT", "POST"),
        Typo("Require valid-users", "valid-users", "valid-user"),
        Typo("Require gruop x", "gruop", "group"),
        Typo("<RequireAl>\nRequire all granted\n</RequireAl>", "<RequireAl>", "<RequireAll>"),
        Typo("<Limit TRACE>\n</Limit>", "TRACE"),
        Typo("AuthMerging Ad", "Ad", "And"),
        Typo("AuthBasicProvider fil", "fil", "file"),
        Typo("AuthBasicUseDigestAlgorithm MD4", "MD4", "MD5"),
        Typo("AuthBasicAuthoritative Of", "Of", "Off"),
        Typo("Order deny,alow", "deny,alow", "deny,allow"),
        Typo("Satisfy Anny", "Anny", "any"),
        Typo("Allow form all", "form", "from"),
        Typo("Deny fron all", "fron", "from"),
    ),
}


def underlined(diagnostic: Diagnostic) -> str | None:
    excerpt = diagnostic.excerpt
    return excerpt.text[excerpt.column - 1 :][: excerpt.width] if excerpt is not None else None


@pytest.mark.parametrize(
    ("around", "typo"), [(around, typo) for around, typos in TYPOS.items() for typo in typos],
    ids=lambda value: getattr(value, "line", ""),
)  # fmt: skip
def test_typo(around: str, typo: Typo, tmp_path: Path) -> None:
    require_apache()
    head = "".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in MODULES)
    head += f"ServerRoot {tmp_path}\nServerName x\nListen 127.0.0.1:1\nErrorLog error_log\nPidFile pid\n"
    (tmp_path / "mime").touch()
    (tmp_path / "httpd.conf").write_text(f"{head}TypesConfig mime\n{around.replace('{}', typo.line)}")
    expected = theirs(tmp_path)
    accepted, found = reading(tmp_path)
    found = [each for each in found if each.severity is not Severity.INFO and each.number != "PH00406"]
    said = [line for each in found for line in apache_lines(each)]
    assert (accepted, said[: len(expected[1])]) == expected
    last = found[-1]
    assert underlined(last) == typo.underlined
    if typo.meant is None:
        assert not (last.hint or "").startswith("Did you mean")
    else:
        assert last.hint == f"Did you mean {typo.meant}?"
