"""The site that both servers serve in the oracle's cases, and pairs of servers that serve it."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import OURS
from tests.oracle import file_site
from tests.oracle.exchange import LAST_BODY, LOG_LEVEL, LOG_LINES, Observed, settle_boundary
from tests.support.servers import PAGES, Apache, Server

CASES = sorted((Path(__file__).parent / "requests").glob("*.http"))

FILES = {
    **PAGES,
    "last.txt": LAST_BODY.decode(),
    "empty.txt": "",
    "file.unknown": "unknown\n",
    "file.odd": "odd\n",
    "plain": "plain\n",
    "sp ace.txt": "space\n",
    ".htpasswd": "secret\n",
    "unreadable.txt": "unreadable\n",
    "dir/index.html": "<p>dir</p>\n",
    "dir/x.txt": "x\n",
    "noindex/x.txt": "x\n",
    "secret/a.txt": "secret\n",
    "listed-dir/a b.txt": "listed\n",
    "listed-dir/head.txt": "head of the list\n",
    "listed-dir/head.html": "<p>head of the list</p>\n",
    "sub/dir/deep.txt": "deep\n",
    "ip/x.txt": "x\n",
    "thisip/x.txt": "x\n",
    "notip/x.txt": "x\n",
    "place/x.txt": "x\n",
    "two/index.html": "<p>two</p>\n",
    "two/gone.html": "<p>two has lost it</p>\n",
    "errors/404.html": "<p>not here</p>\n",
    **file_site.FILES,
}
LINES = """\
Timeout 120
KeepAliveTimeout 120
MaxKeepAliveRequests 5
LimitRequestLine 2000
LimitRequestFieldSize 1000
LimitRequestFields 20
AddType text/x-odd .odd
SetEnv UNUSED yes
Header set X-All yes
Header always set X-Always yes
<FilesMatch "\\.odd$">
    Header set X-Odd "an odd one"
</FilesMatch>
<Files ~ "^\\.ht">
    Require all denied
</Files>
<LocationMatch "^/dir/x">
    Header set X-Location matched
</LocationMatch>
<Location /secret>
    Require all denied
</Location>
<Directory "{docroot}/ip">
    Require ip 10.0.0.0/8 192.168.1
</Directory>
<Directory "{docroot}/thisip">
    Require ip 10.0.0.0/8 127.0.0
</Directory>
<Directory "{docroot}/notip">
    <RequireAll>
        Require all granted
        Require not ip 127.0.0.1
    </RequireAll>
</Directory>
Alias /aliased/ "{docroot}/sub/"
Alias /plainalias "{docroot}/a.txt"
AliasMatch ^/match/(.*)\\.gif$ "{docroot}/$1.txt"
Redirect /old /new
Redirect permanent /perm http://example.com/p
Redirect seeother /see http://example.com/s
Redirect gone /gone
Redirect 404 /nowhere
RedirectMatch 301 ^/rm/([^/]*)/(.*)$ http://example.com/$2/$1
Redirect 418 /teapot
Redirect 299 /new-success
Redirect 999 /no-status
<Location /teapot-in-section>
    Redirect 418
</Location>
<LocationMatch "^/named/(?<word>[a-z]+)(?<missing>[0-9])?">
    Header always set X-Word "%{MATCH_WORD}e|%{MATCH_MISSING}e"
</LocationMatch>
<DirectoryMatch "/htdocs/(?<place>pla[a-z]+)/">
    Header set X-Place "%{MATCH_PLACE}e"
</DirectoryMatch>
<FilesMatch "^(?<stem>deep)\\.(?<ending>txt)$">
    Header set X-File "%{MATCH_STEM}e %{MATCH_ENDING}e"
</FilesMatch>
<Location /limited>
    LimitRequestBody 10
</Location>
<Location /typeless>
    Header always unset Content-Type
</Location>
<Location /handled>
    SetHandler nobody
</Location>
<Location /field-name>
    Header set "a b" x
</Location>
<Location /field-value>
    Header set X-Bad "expr=%{base64:x}%{unescape:%01}"
</Location>
<Location /text-error>
    Require all denied
    ErrorDocument 403 "Not for <you>"
</Location>
<Location /docs>
    ErrorDocument 404 /errors/404.html
</Location>
<Location /url-error>
    ErrorDocument 404 http://example.com/lost
</Location>
<Location /no-doc>
    ErrorDocument 404 /errors/none.html
</Location>
SetEnvIf X-Env keep nokeepalive
SetEnvIf X-Env down downgrade-1.0
SetEnvIf X-Env force force-response-1.0
SetEnvIf X-Env vary force-no-vary
SetEnvIf X-Env charset suppress-error-charset
SetEnvIf X-Env careful redirect-carefully
Alias /listed/ "{docroot}/listed-dir/"
<Location /listed>
    Options +Indexes
    IndexOptions FancyIndexing
    HeaderName head.txt
    # we do not ask again about what the same sections rule
    LogLevel authz_core:notice
</Location>
<Location /listed/html>
    HeaderName head.html
</Location>
Alias /listed/html/ "{docroot}/listed-dir/"
<Location /listed/bad-body>
    LimitRequestBody 3
</Location>
Alias /listed/bad-body/ "{docroot}/listed-dir/"
<VirtualHost *>
    ServerName one.example
    DocumentRoot "{docroot}"
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    ServerAlias www.two.example *.wild.example
    DocumentRoot "{docroot}/two"
    ErrorDocument 404 /gone.html
</VirtualHost>
<VirtualHost *>
    ServerName path.example
    ServerPath /two
    DocumentRoot "{docroot}"
    Header set X-Server-Path yes
</VirtualHost>
"""


# Pairs of servers for what can only be set for a whole server: a case names one with `# server: NAME`.
SERVERS = {
    "": LINES,
    "files": file_site.LINES,
    "unsafe": f"{LINES}\nHttpProtocolOptions Unsafe\n",
    "narrow": "HttpProtocolOptions Strict RegisteredMethods Require1.0\nTraceEnable Off\nKeepAlive Off\n"
    "UseCanonicalName On\nUseCanonicalPhysicalPort On\nLimitRequestBody 20\nMaxRanges none\nEnableSendfile Off\n"
    "EnableMMAP Off\nSendBufferSize 40000\nReceiveBufferSize 40000\nProtocols http/1.1\nAcceptFilter http none\n"
    f"DefaultType none\n{LINES}",
    "wide": "TraceEnable extended\nMergeTrailers On\nMergeSlashes Off\nAllowEncodedSlashes NoDecode\n"
    f"MaxRanges unlimited\nQualifyRedirectURL On\nRegisterHttpMethod BREW\nFileETag All -INode\n{LINES}",
    "strict-host": f"StrictHostCheck On\n{LINES}",
}


class Pairs:
    """Apache and ours, under each of the configurations that a case of this run asks for."""

    def __init__(self, log_level: str = LOG_LEVEL) -> None:
        self.log_level = log_level
        self.servers: list[Server] = []  # those that were started, or tried
        self.running: dict[str, tuple[Observed, Observed]] = {}

    def get(self, name: str) -> tuple[Observed, Observed]:
        if name not in self.running:
            mpm = "worker" if name == "wide" else "prefork"  # requests know nothing of it
            servers = [factory(files=FILES, log_level=self.log_level, mpm=mpm) for factory in (Apache, OURS)]
            self.servers += servers
            theirs, ours = (_start(server, SERVERS[name]) for server in servers)
            self.running[name] = theirs, ours
        return self.running[name]


def _start(server: Server, lines: str) -> Observed:
    (server.docroot / "unreadable.txt").chmod(0)
    file_site.build(server.docroot)
    server.configure(LOG_LINES + lines.replace("{docroot}", str(server.docroot)))
    server.start()
    settle_boundary(server)
    return Observed(server)
