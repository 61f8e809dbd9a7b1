"""What .htaccess files may say and what they do, beside Apache: the same files, the same answers and log lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import OURS, require_apache
from tests.support.clients import Answer, Client
from tests.support.logs import WORRYING
from tests.support.servers import APACHE_MODULES, AS_ROOT, Apache, Server, close_all

ALLOWED = {
    "all": "AllowOverride All",
    "none": "AllowOverride None",
    "fileinfo": "AllowOverride FileInfo",
    "authconfig": "AllowOverride AuthConfig",
    "indexes": "AllowOverride indexes",
    "limit": "AllowOverride Limit",
    "options": "AllowOverride Options",
    "someoptions": "AllowOverride Options=Indexes,Includes,ExecCGI FileInfo",
    "nooptions": "AllowOverride Options=None FileInfo",
    "list": "AllowOverrideList Header ErrorDocument HostnameLookups <IfModule",
    "listandclass": "AllowOverride Indexes\nAllowOverrideList header",
    "emptylist": "AllowOverrideList None",
    "define": "AllowOverrideList Define AllowOverride <Directory Listen",
    "passforbidden": "AllowOverride FileInfo Nonfatal=Override",
    "passunknown": "AllowOverride FileInfo Nonfatal=Unknown",
    "passall": "AllowOverride Nonfatal=All",
    "lastword": "AllowOverride All None FileInfo",
}
H = "Header append X-H {}\n"
CASES: dict[str, dict[str, str]] = {  # group -> name -> text
    "all": {
        "empty": "",
        "comment": "# nothing\n\n",
        "header": H.format("here"),
        "no-newline": "Header set X-H here",
        "crlf": "Header set X-H here\r\nHeader set X-I there\r\n",
        "continued": "Header set \\\nX-H \\\n here\n",
        "files": f"<Files x.txt>\n{H.format('files')}</Files>\n{H.format('all')}",
        "filesmatch": '<FilesMatch "^(?<stem>[xz])\\.txt$">\nHeader set X-H "%{MATCH_STEM}e"\n</FilesMatch>\n',
        "files-in-files": f"<Files x.txt>\n<Files x.txt>\n{H.format('inner')}</Files>\n{H.format('outer')}</Files>\n",
        "if": f"<If \"%{{QUERY_STRING}} == 'q'\">\n{H.format('if')}</If>\n<Else>\n{H.format('else')}</Else>\n",
        "if-in-files": f"<Files x.txt>\n<If true>\n{H.format('if')}</If>\n</Files>\n",
        "files-in-if": f"<If true>\n<Files x.txt>\n{H.format('files')}</Files>\n{H.format('if')}</If>\n",
        "if-reads-file": "<If \"file('/etc/hostname') != ''\">\n</If>\n",
        "if-looks": f"<If \"-d '/etc'\">\n{H.format('if')}</If>\n",
        "header-reads-file": "Header set X-H \"expr=%{file:/etc/hostname}\"\n",
        "else-alone": "<Else>\n</Else>\n",
        "else-argument": "<If true>\n</If>\n<Else x>\n</Else>\n",
        "if-broken": "<If \"x y\">\n</If>\n",
        "if-empty": "<If>\n</If>\n",
        "if-many": "<If true false>\n</If>\n",
        "ifmodule": f"<IfModule mod_headers.c>\n{H.format('yes')}</IfModule>\n<IfModule no_module>\nFoo\n</IfModule>\n",
        "ifmodule-not": f"<IfModule !mod_headers.c>\n{H.format('no')}</IfModule>\n",
        "ifdefine": f"<IfDefine GIVEN>\n{H.format('given')}</IfDefine>\n<IfDefine !X>\n{H.format('no')}</IfDefine>\n",
        "ifversion": f"<IfVersion >= 2.4>\n{H.format('new')}</IfVersion>\n",
        "iffile": f"<IfFile /etc/passwd>\n{H.format('there')}</IfFile>\n<IfFile /nowhere>\n{H.format('no')}</IfFile>\n",
        "ifdirective": f"<IfDirective Header>\n{H.format('known')}</IfDirective>\n",
        "ifsection": f"<IfSection Files>\n{H.format('known')}</IfSection>\n",
        "variable": "Header set X-H \"${GIVEN} ${NOWHERE}\"\n",
        "require-denied": "Require all denied\n",
        "require-any": "<RequireAny>\nRequire method POST\nRequire all granted\n</RequireAny>\n",
        "require-none": "<RequireAll>\nRequire all granted\n<RequireNone>\nRequire local\n</RequireNone>\n"
        "</RequireAll>\n",
        "files-require": "<Files x.txt>\nRequire all denied\n</Files>\n",
        "limit": "<Limit POST>\nRequire all denied\n</Limit>\n",
        "limit-get": "<Limit GET>\nRequire all denied\n</Limit>\n",
        "limitexcept": "<LimitExcept POST>\nRequire all denied\n</LimitExcept>\n",
        "limit-unknown": "<Limit FOO>\nRequire all denied\n</Limit>\n",
        "errordocument": "ErrorDocument 404 \"not in here\"\n",
        "redirect": "Redirect /all/redirect/x.txt http://r.example/\nRedirectMatch (.*)y\\.txt$ http://r.example$1z\n",
        "types": "AddType text/x-here .txt\nAddCharset utf-8 .txt\n",
        "forcetype": "ForceType text/x-forced\n",
        "handler": "SetHandler nothing-there\n",
        "setenv": "SetEnv HERE there\nHeader set X-H \"%{HERE}e\"\n",
        "index": "DirectoryIndex x.txt\n",
        "options": "Options MultiViews SymLinksIfOwnerMatch\n",
        "options-plus": "Options +Indexes -FollowSymLinks\n",
        "signature": "ServerSignature On\n",
        "etag": "FileETag None\n",
        "unknown": "Header set X-H one\nFoo bar\n",
        "two-errors": "Foo bar\nOptions Baz\n",
        "unknown-section": "<Foo bar>\n</Foo>\n",
        "not-closed": "<Files x.txt>\nHeader set X-H a\n",
        "not-opened": "</Files>\n",
        "crossed": "<Files x>\n<IfModule mod_headers.c>\n</Files>\n</IfModule>\n",
        "skipped-not-closed": "<IfModule no>\n",
        "wrong-close": "<Files x>\n</FilesMatch>\n",
        "files-empty": "<Files>\n</Files>\n",
        "files-many": "<Files x y>\n</Files>\n",
        "files-regex": "<FilesMatch (>\n</FilesMatch>\n",
        "arguments": "DirectoryIndex\n",
        "flag": "ContentDigest maybe\n",
        "server-directive": "KeepAlive Off\n",
        "directory": "<Directory />\n</Directory>\n",
        "location": "<Location />\n</Location>\n",
        "vhost": "<VirtualHost *>\n</VirtualHost>\n",
        "allowoverride": "AllowOverride All\n",
        "include": "Include conf/mime.types\n",
        "define": "Define X\n",
        "loadmodule": "LoadModule x_module x.so\n",
        "in-files": "<Files x.txt>\nListen 80\n</Files>\n",
        "in-if": "<If true>\nKeepAlive On\n</If>\n",
        "in-container": "<RequireAll>\nKeepAlive On\n</RequireAll>\n",
        "error": "Error \"as ordered\"\n",
        "use": "Use Global here\n",
        "use-in-files": "<Files x.txt>\nUse Global \"in files\"\n</Files>\n",
        "use-wrong-number": "Use Global\n",
        "use-misspelled": "Use Globle x\n",
        "use-broken": "Use Broken x\n",
        "use-open": "Use Open\n",
        "use-undefined": "Use Gone\n",
        "alias": "Alias /x /y\n",
        "long-line": f"# {'x' * 8192}\n",
        "nearly-long": f"# {'x' * 8187}\n",
        "8-bit": "Header set X-H \"\xe9\xff\"\n",
        "deeper": H.format("upper"),
    },
    "none": {"broken": "Foo\n", "header": H.format("no")},
    "fileinfo": {
        "header": H.format("yes"), "require": "Require all denied\n", "index": "DirectoryIndex x.txt\n",
        "filters": "SetOutputFilter FOO;bar\nSetInputFilter Baz\n",
        "options": "Options Indexes\n", "files": "<Files x.txt>\nRequire all denied\n</Files>\n",
        "if": f"<If true>\n{H.format('if')}</If>\n", "limit": "<Limit GET>\n</Limit>\n",
        "body": "LimitRequestBody 10\n", "hostname": "HostnameLookups Off\n",
        "ifmodule": "<IfModule no>\n</IfModule>\n",
    },
    "authconfig": {"require": "Require all denied\n", "header": H.format("no"), "limit": "<Limit GET>\n</Limit>\n"},
    "indexes": {"index": "DirectoryIndex x.txt\n", "header": H.format("no"), "slash": "DirectorySlash Off\n"},
    "limit": {"limit": "<Limit GET>\n</Limit>\n", "require": "Require all denied\n", "files": "<Files x>\n</Files>\n"},
    "options": {
        "all": "Options All\n", "multiviews": "Options MultiViews\n", "owner": "Options +SymLinksIfOwnerMatch\n",
        "follow": "Options -FollowSymLinks\n", "none": "Options None\n", "digest": "ContentDigest On\n",
    },
    "someoptions": {
        "indexes": "Options Indexes\n", "follow": "Options +Indexes +FollowSymLinks\n", "none": "Options None\n",
        "includes": "Options +IncludesNOEXEC\n", "both": "Options +Includes\n", "scripts": "Options RunScripts\n",
        "all": "Options All\n",
    },
    "nooptions": {"none": "Options None\n", "indexes": "Options -Indexes\n"},
    "list": {
        "header": H.format("yes"), "host": "HostnameLookups Off\n",
        "files": f"<Files x.txt>\n{H.format('no')}</Files>\n",
        "ifmodule": f"<IfModule mod_headers.c>\n{H.format('yes')}</IfModule>\n", "env": "SetEnv A b\n",
        "case": "HEADER set X-H yes\n", "ifdefine": "<IfDefine x>\n</IfDefine>\n", "empty": "",
    },
    "listandclass": {"header": H.format("yes"), "index": "DirectoryIndex x.txt\n", "env": "SetEnv A b\n"},
    "emptylist": {"broken": "Foo\n"},
    "define": {"define": "Define X\n", "override": "AllowOverride All\n", "listen": "Listen 80\n"},
    "passforbidden": {
        "mixed": f"Require all denied\n{H.format('yes')}DirectoryIndex x.txt\n", "unknown": "Foo\n",
        "listen": f"Listen 80\n{H.format('yes')}", "in-files": f"<Files x.txt>\nListen 80\n{H.format('yes')}</Files>\n",
        "define": f"Define X y\n{H.format('yes')}",
    },
    "passunknown": {
        "mixed": f"Foo bar\n{H.format('yes')}Bar\n", "forbidden": "Require all denied\n",
        "section": f"<Foo x>\nBar\n</Foo>\n{H.format('yes')}",
    },
    "passall": {"mixed": f"Foo\nRequire all denied\n{H.format('no')}"},
    "lastword": {"header": H.format("yes"), "require": "Require all denied\n"},
}  # fmt: skip
DIFFERENT = {
    ("all", "signature"): "the servers' names",
}
LINES = "\n".join([
    f"LoadModule macro_module {APACHE_MODULES}/mod_macro.so",
    "<Macro Global $x>\nHeader append X-H \"$x\"\n</Macro>",
    "<Macro Broken $x>\nHeader set X-H yes\nFoo $x\n</Macro>",
    "<Macro Open>\n<Files x.txt>\n</Macro>",
    "<Macro Gone>\nHeader set X-H no\n</Macro>\nUndefMacro Gone",
    "Define GIVEN value",
    'Header append X-H "base"',
    *(f'<Directory "{{docroot}}/{group}">\n{lines}\n</Directory>' for group, lines in ALLOWED.items()),
    '<Directory "{docroot}/all/deeper/sub">\nHeader append X-H section\n</Directory>',
    '<DirectoryMatch "/all/deeper">\nHeader append X-H match\n</DirectoryMatch>',
    '<Location /all/deeper>\nHeader append X-H location\n</Location>',
])  # fmt: skip
TARGETS = ("x.txt", "y.txt?q", "sub/z.txt", "none", "x.txt/info", "", "sub")
SEEN = ("Location", "Vary", "Content-Type", "ETag", "Allow")


class Seen(NamedTuple):
    """What a request has given."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    log: list[tuple[str, str]]


def files() -> dict[str, str]:
    found: dict[str, str] = {}
    for group, cases in CASES.items():
        for name, text in cases.items():
            found[f"{group}/{name}/.htaccess"] = text
            for page in ("x.txt", "y.txt", "sub/z.txt"):
                found[f"{group}/{name}/{page}"] = f"{page}\n"
    found["all/deeper/sub/.htaccess"] = H.format("lower")
    return found


def ask(server: Server, target: str, client: Client | None = None, **fields: str) -> Seen:
    place = server.error_log.place()
    if client is None:
        with Client(server.port) as once:
            return _seen(server, place, once.ask(target, Connection="close", Host="h.example", **fields))
    return _seen(server, place, client.ask(target, Host="h.example", **fields))


def _seen(server: Server, place: int, answer: Answer) -> Seen:
    fields = sorted((name, value) for name, value in answer.headers if name in SEEN or name.startswith("X-"))
    body = answer.body.replace(str(server.port).encode(), b"PORT")
    lines = [line for line in server.error_log.lines(place) if line.level in WORRYING and line.level != "raw"]
    said = [(line.level, f"{line.key} {line.text}".replace(str(server.root), "ROOT")) for line in lines]
    return Seen(answer.status, fields, body, [line for line in said if not line[1].startswith("PH")])


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    require_apache()
    pair = (Apache(files=files()), OURS(files=files()))
    for server in pair:
        server.expect("-", "AH00529", "AH00554", "AH02295", "AH02296", "AH00111", "AH01630", "AH02304", "AH00037",
                      "AH00523", "AH00039", "PH00404", "AH01276", "AH02795", "AH00082")  # fmt: skip
        server.configure(LINES.replace("{docroot}", str(server.docroot)))
        server.start()
    yield pair
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, cases in CASES.items() for name in cases])
def test_case(group: str, name: str, servers: tuple[Server, Server]) -> None:
    if (group, name) in DIFFERENT:
        assert [ask(server, f"/{group}/{name}/x.txt").status for server in servers] == [200, 200]
        return
    apache, ours = servers
    for target in TARGETS:
        url = f"/{group}/{name}/{target}"
        assert ask(ours, url) == ask(apache, url), url
    assert ask(ours, f"/{group}/{name}") == ask(apache, f"/{group}/{name}")


def _text(text: str) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        path.write_text(text)

    return act


def _old(text: str) -> Callable[[Path], None]:
    """As one that nobody has touched for long, so that it is kept parsed."""

    def act(path: Path) -> None:
        path.write_text(text)
        os.utime(path, (1_600_000_000, 1_600_000_000))

    return act


def _unreadable(path: Path) -> None:
    path.chmod(0)


def _readable(path: Path) -> None:
    path.chmod(0o644)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _no_directory(path: Path) -> None:
    path.rmdir()


def _link(path: Path) -> None:
    (path.parent / "elsewhere").write_text("Header set X-H linked\n")
    path.symlink_to("elsewhere")


def _dangling(path: Path) -> None:
    (path.parent / "elsewhere").unlink()


def _no_search(path: Path) -> None:
    path.parent.chmod(0o600)


def _search(path: Path) -> None:
    path.parent.chmod(0o755)


STEPS: tuple[Callable[[Path], None], ...] = (
    _text("Header set X-H 1\n"), _text("Header set X-H 2\n"), _old("Header set X-H 3\n"), _old("Header set X-H 4\n"),
    _text("Foo\n"), _text(""), _text("Header set X-H 5\n"), Path.unlink, _text("Header set X-H 6\n"), _unreadable,
    _readable, Path.unlink, _link, _dangling, Path.unlink, _text("Options Baz\n"), _directory, _no_directory,
    _text("Require all denied\n"), _text("Header set X-H 7\n"), _no_search, _search,
)  # fmt: skip


@pytest.mark.skipif(not AS_ROOT, reason="the tests' own user can read what its children can")
def test_changes_between_requests(servers: tuple[Server, Server]) -> None:
    """On one connection: every change holds for the next request."""
    for server in servers:
        server.expect("AH00035", "AH00132")
        for name in ("x.txt", "sub/z.txt"):
            server.write(f"all/changing/{name}", "page\n")
    clients = [Client(server.port) for server in servers]
    try:
        for number, step in enumerate(STEPS):
            for server in servers:
                step(server.docroot / "all/changing/.htaccess")
            for target in ("x.txt", "sub/z.txt", "none", "x.txt"):
                where = f"step {number}, {target}"
                seen = [
                    ask(server, f"/all/changing/{target}", client)
                    for server, client in zip(servers, clients, strict=True)
                ]
                assert seen[1] == seen[0], where
                if seen[0].status == 500:  # which ends a connection
                    for client in clients:
                        client.close()
                    clients = [Client(server.port) for server in servers]
    finally:
        for client in clients:
            client.close()


def test_several_names(apache: Callable[..., Server], pyhttpd: Callable[..., Server]) -> None:
    """The first that is there counts; virtual hosts have their own; without AllowOverride the files are looked for."""
    pages = {
        "both/.first": H.format("first"), "both/.second": H.format("second"), "both/x.txt": "x\n",
        "second/.second": H.format("second"), "second/x.txt": "x\n",
        "third/.third": H.format("third"), "third/.first": H.format("first"), "third/x.txt": "x\n",
        "plain/.htaccess": "Foo\n", "plain/x.txt": "x\n",
        "unset/.first": H.format("no"), "unset/x.txt": "x\n",
        "unset/empty/.first": "\n", "unset/empty/x.txt": "x\n",
    }  # fmt: skip
    lines = (
        "AccessFileName .first .second\n<VirtualHost *>\nServerName h.example\n</VirtualHost>\n<VirtualHost *>\n"
        "ServerName third.example\nAccessFileName .third\n</VirtualHost>\n"
    )
    found = []
    for start in (apache, pyhttpd):
        server = start(lines, start=False, files=pages)
        for name in ("both", "second", "third", "plain"):
            lines_of = f'<Directory "{server.docroot}/{name}">\nAllowOverride All\n</Directory>\n'
            server.configure(server.lines + lines_of)
        text = server.config.read_text()
        server.config.write_text(text.replace("<Directory />\n  AllowOverride None\n</Directory>\n", ""))
        server.expect("-")
        server.start()
        seen = []
        for host in ("h.example", "third.example"):
            for directory in ("both", "second", "third", "plain", "unset", "unset/empty"):
                place = server.error_log.place()
                with Client(server.port) as client:
                    answer = client.ask(f"/{directory}/x.txt", Connection="close", Host=host)
                seen.append((host, directory, _seen(server, place, answer)))
        found.append(seen)
    assert found[1] == found[0]


LINKED = (
    "sub/index.html",
    "sub/f.txt",
    "real/f.txt",
    "up/x.txt",
    "opt/f.txt",
    "opt/in/f.txt",
    "file.txt",
    "err/404.txt",
)
PATTERNS = """
ErrorDocument 404 /err/404.txt
<Directory "{docroot}">
AllowOverride All
</Directory>
<DirectoryMatch "/sub$">
Header always append X-M no-slash
</DirectoryMatch>
<DirectoryMatch "/sub/$">
Header always append X-M slash
</DirectoryMatch>
<DirectoryMatch "/sub/f">
Header always append X-M file
</DirectoryMatch>
<DirectoryMatch "/err/">
Header always append X-M err
</DirectoryMatch>
<DirectoryMatch "/(?<found>sub|opt)">
Header always append X-M "%{MATCH_FOUND}e %{REDIRECT_MATCH_FOUND}e"
</DirectoryMatch>
<Directory "{docroot}/file.txt">
Header always append X-M file-as-directory
</Directory>
<Directory "{docroot}/*/in">
Header always append X-M wild
</Directory>
<Directory "{docroot}/up/*">
Header always append X-M wild-file
</Directory>
<DirectoryMatch "none">
Header always append X-M none
</DirectoryMatch>
"""


def test_links_and_patterns(apache: Callable[..., Server], pyhttpd: Callable[..., Server]) -> None:
    """Options of .htaccess files decide about links further down; what a section's name or pattern is matched with."""
    found = []
    for start in (apache, pyhttpd):
        pages = {name: f"{name}\n" for name in LINKED}
        pages |= {"real/.htaccess": H.format("real"), "opt/.htaccess": f"Options -FollowSymLinks\n{H.format('opt')}"}
        server = start(start=False, files=pages)
        for name, target in (("link", "real"), ("opt/link", "../real"), ("opt/lf.txt", "f.txt"), ("dangling", "no"),
                             ("up/l.txt", "x.txt"), ("loop", "loop")):  # fmt: skip
            (server.docroot / name).symlink_to(target)
        server.configure(PATTERNS.replace("{docroot}", str(server.docroot)))
        server.expect("AH00037", "-", "AH01276")
        server.start()
        found.append([
            ask(server, target)
            for target in ("/sub", "/sub/", "/sub/f.txt", "/sub/none", "/file.txt", "/file.txt/x", "/link/f.txt",
                           "/link/", "/link", "/opt/f.txt", "/opt/link/f.txt", "/opt/lf.txt", "/opt/link", "/up/x.txt",
                           "/up/l.txt", "/dangling", "/dangling/x", "/loop", "/opt/in/f.txt", "/opt/in", "/none/x",
                           "/opt/none/x", "/opt/f.txt/a/b", "/err/404.txt", "/err/none")
        ])  # fmt: skip
    assert found[1] == found[0]
