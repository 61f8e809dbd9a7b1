"""The site of the cases with `# server: files`: what Apache answers about files, and the directives that change it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.servers import AS_ROOT, MTIME

STATUSES = (
    *range(100, 104), *range(200, 209), 226, *range(300, 309), *range(400, 419), *range(420, 427), 428, 429, 431, 451,
    *range(500, 512), 599,
)  # fmt: skip

FILES = {
    "digits.txt": "0123456789" * 10,
    "forty.bin": "x" * 4000,
    "page.html": "<p>page</p>\n",
    "data": "no extension\n",
    "de.html.de": "<p>deutsch</p>\n",
    "packed.txt.gz": "not really packed\n",
    "both.html.de.utf8.gz": "all at once\n",
    "future.txt": "from the future\n",
    "old.txt": "from before the epoch\n",
    "etag/none.txt": "none\n",
    "etag/size/a.txt": "size\n",
    "etag/mtime/a.txt": "mtime\n",
    "etag/minus/a.txt": "minus\n",
    "etag/digest/a.txt": "digest\n",
    "etag/digest/empty.txt": "",
    "etag/nothing/a.txt": "nothing\n",
    "ranges/none/a.txt": "0123456789",
    "ranges/two/a.txt": "0123456789",
    "ranges/free/a.txt": "0123456789" * 10,
    "ranges/overlaps/a.txt": "0123456789",
    "ranges/reversals/a.txt": "0123456789",
    "ranges/error/416.html": "<p>no such part</p>\n",
    "charset/page.html": "<p>page</p>\n",
    "charset/a.txt": "a\n",
    "charset/a.css": "a {}\n",
    "charset/own/page.html": "<p>page</p>\n",
    "charset/off/page.html": "<p>page</p>\n",
    "charset/parts.txt": "0123456789",
    "forced/a.txt": "forced\n",
    "forced/none/a.txt": "not forced\n",
    "forced/dir/index.html": "<p>index</p>\n",
    "md5/a.txt": "md5\n",
    "md5/empty.txt": "",
    "info/on.txt": "on\n",
    "info/off/off.txt": "off\n",
    "links/real.txt": "real\n",
    "links/sub/deep.txt": "deep\n",
    "closed/indexed/real.html": "real\n",
    "closed/real.txt": "real\n",
    "closed/sub/deep.txt": "deep\n",
    "owner/real.txt": "real\n",
    "owner/theirs.txt": "theirs\n",
    "locked/a.txt": "locked\n",
    "slash/a/b.txt": "b\n",
    "slash/a%2Fb.txt": "with its escape\n",
    "index/both/first.html": "<p>first</p>\n",
    "index/both/second.html": "<p>second</p>\n",
    "index/second/second.html": "<p>second</p>\n",
    "index/absolute/x.txt": "x\n",
    "index/off/index.html": "<p>index</p>\n",
    "index/redirect/index.html": "<p>index</p>\n",
    "index/handled/index.html": "<p>index</p>\n",
    "index/denied/secret.html": "<p>secret</p>\n",
    "index/error.html": "<p>found by an absolute name</p>\n",
    "fallback/page.html": "<p>fallback</p>\n",
    "errors/page.html": "<p>an error page</p>\n",
    "errors/text.txt": "an error text\n",
    "errors/denied.html": "<p>nobody sees this</p>\n",
    "errors/dir/index.html": "<p>the index as error page</p>\n",
    "signed/a.txt": "signed\n",
    "mime/a.html.de.en.gz.utf8": "many\n",
    "mime/b.txt.unknown": "the last but one\n",
    "mime/c.de": "only a language\n",
    "mime/.html": "no extension\n",
    "mime/d.TXT": "capitals\n",
    "mime/e.x": "a type with a parameter\n",
    "mime/f.y": "a handler\n",
    "mime/g.txt.z": "its type is taken away\n",
    "mime/h.html.utf8.latin": "two charsets\n",
    "mime/i.txt.gz.Z": "packed twice\n",
    "mime/j..txt": "two dots\n",
    "mime/k.x.utf8": "a parameter and a charset\n",
    "mime/html": "a name like an extension\n",
    "mime/default/a.txt": "a language by default\n",
    "mime/default/b.txt.en": "its own\n",
    "mime/info/a": "its type is in the path behind it\n",
    "mime/removed/a.txt.gz.utf8.de": "all of it taken away\n",
    "alias/a b.txt": "a blank\n",
    "alias/sub/index.html": "<p>aliased</p>\n",
    "bare/a.txt": "bare\n",
}

_REDIRECTS = "\n".join(
    f"Redirect {status} /status/{status}{' http://example.com/there?a&b' if 300 <= status < 400 else ''}"
    for status in STATUSES
)
LINES = f"""\
Timeout 5
KeepAliveTimeout 4
MaxKeepAliveRequests 200
ServerAdmin "admin<1>@example.com"
AddEncoding x-gzip .gz
AddLanguage de .de
AddLanguage en .en
AddEncoding compress Z
AddCharset utf-8 .utf8
AddCharset iso-8859-1 .latin
AddType "text/x-parameter; version=\\"1.0\\"" .x
AddHandler nobody-has-that .y
AddType text/x-wrong .z
RemoveType .z
ErrorDocument 400 "You said <something> else"
ErrorDocument 414 /errors/page.html
<Location /status>
    ErrorDocument 400 default
    ErrorDocument 414 default
</Location>
<Directory "{{docroot}}/mime/default">
    DefaultLanguage fr-CA
</Directory>
<Directory "{{docroot}}/mime/info">
    AcceptPathInfo On
    ModMimeUsePathInfo On
</Directory>
<Directory "{{docroot}}/mime/removed">
    RemoveEncoding .gz
    RemoveCharset .utf8
    RemoveLanguage .de
    RemoveType .txt
</Directory>
Alias /al/slash/ "{{docroot}}/alias/"
Alias /al/none "{{docroot}}/alias"
AliasMatch ^/al/m/(.*)/(.*)$ "{{docroot}}/$2/$1"
AliasMatch ^/al/up/(.*)$ "{{docroot}}/alias/../alias/$1"
Redirect /rd/one http://example.com/one
Redirect temp /rd/two /al/none?x=y
Redirect permanent /rd/three/ http://example.com/three/
RedirectMatch ^/rd/m/(.*)$ http://example.com/$1?q=$1
RedirectMatch 307 \\.rd$ /elsewhere
RedirectMatch 404 ^/rd/hidden
RedirectTemp /rd/temp http://example.com/temp#part
RedirectPermanent /rd/perm http://example.com/perm
<Location /rd/here>
    Redirect 308 http://example.com/here
</Location>
<Location /rd/relative>
    RedirectRelative On
    Redirect 302 /al/none
</Location>
SetEnv COLOUR blue
Header always set X-Redirect "%{{REDIRECT_STATUS}}e %{{REDIRECT_COLOUR}}e %{{REDIRECT_REQUEST_METHOD}}e \
%{{REDIRECT_ERROR_NOTES}}e %{{REDIRECT_REDIRECT_STATUS}}e"
{_REDIRECTS}
Alias /shared "/usr/lib/os-release"
<Location /shared>
    FileETag All
</Location>
<Files none.txt>
    FileETag None
    Header set ETag anything
</Files>
<Directory "{{docroot}}/etag/size">
    FileETag Size
</Directory>
<Directory "{{docroot}}/etag/mtime">
    FileETag None MTime
</Directory>
<Directory "{{docroot}}/etag/minus">
    FileETag All
</Directory>
<Location /etag/minus>
    FileETag -INode -Size
</Location>
<Directory "{{docroot}}/etag/nothing">
    FileETag -INode -Size -MTime
</Directory>
<Directory "{{docroot}}/etag/digest">
    FileETag Digest
</Directory>
<Directory "{{docroot}}/ranges/none">
    MaxRanges none
</Directory>
<Directory "{{docroot}}/ranges/two">
    MaxRanges 2
</Directory>
<Directory "{{docroot}}/ranges/free">
    MaxRanges unlimited
    MaxRangeOverlaps unlimited
    MaxRangeReversals unlimited
</Directory>
<Directory "{{docroot}}/ranges/overlaps">
    MaxRangeOverlaps 1
</Directory>
<Directory "{{docroot}}/ranges/reversals">
    MaxRangeReversals none
</Directory>
<Location /ranges/error>
    ErrorDocument 416 /ranges/error/416.html
</Location>
<Location /ranges/text>
    ErrorDocument 416 "No such part."
</Location>
Alias /ranges/text "{{docroot}}/digits.txt"
<Directory "{{docroot}}/charset">
    AddDefaultCharset On
</Directory>
<Directory "{{docroot}}/charset/own">
    AddDefaultCharset koi8-r
</Directory>
<Directory "{{docroot}}/charset/off">
    AddDefaultCharset Off
</Directory>
<Directory "{{docroot}}/forced">
    ForceType Text/X-Forced
</Directory>
<Directory "{{docroot}}/forced/none">
    ForceType None
</Directory>
<Directory "{{docroot}}/md5">
    ContentDigest On
</Directory>
<Directory "{{docroot}}/info">
    AcceptPathInfo On
</Directory>
<Directory "{{docroot}}/info/off">
    AcceptPathInfo Off
</Directory>
<Directory "{{docroot}}/closed">
    Options -FollowSymLinks
</Directory>
<Directory "{{docroot}}/closed/indexed">
    DirectoryIndex none.html link.html real.html
</Directory>
<Location /expr/handler-fails>
    SetHandler "%{{base64:x}}%{{unescape:%zz}}"
</Location>
<Directory "{{docroot}}/owner">
    Options SymLinksIfOwnerMatch
</Directory>
<Directory "{{docroot}}/index">
    DirectoryIndex first.html second.html
</Directory>
<Directory "{{docroot}}/index/absolute">
    DirectoryIndex none.html /index/error.html
</Directory>
<Directory "{{docroot}}/index/off">
    DirectoryIndex disabled
</Directory>
<Directory "{{docroot}}/index/redirect">
    DirectoryIndex index.html
    DirectoryIndexRedirect seeother
</Directory>
<Directory "{{docroot}}/index/handled">
    DirectoryIndex index.html
    DirectoryCheckHandler On
    SetHandler some-handler
</Directory>
<Directory "{{docroot}}/index/denied">
    DirectoryIndex none.html secret.html
    <Files secret.html>
        Require all denied
    </Files>
</Directory>
<Directory "{{docroot}}/index/noslash">
    DirectorySlash Off
</Directory>
<Directory "{{docroot}}/fallback">
    FallbackResource /fallback/page.html
</Directory>
<Location /handled>
    SetHandler nobody-has-this
</Location>
<Files denied.html>
    Require all denied
</Files>
<Location /error>
    ErrorDocument 404 /errors/page.html?from=error
    ErrorDocument 403 /errors/denied.html
    ErrorDocument 410 /errors/text.txt
</Location>
<Location /error/text>
    ErrorDocument 404 "Not here, <b>dear</b> visitor"
</Location>
<Location /error/default>
    ErrorDocument 404 default
</Location>
<Location /error/url>
    ErrorDocument 404 http://example.com/lost?a=b
    ErrorDocument 500 http://example.com/broken
    Redirect 500
</Location>
<Location /error/lost>
    ErrorDocument 404 http://example.com/lost?a=b
</Location>
<Location /error/loop>
    ErrorDocument 404 /error/loop/again
</Location>
<Location /error/link>
    ErrorDocument 404 /closed/link.txt
</Location>
<Location /error/dir>
    ErrorDocument 404 /errors/dir/
</Location>
<Location /error/noslash>
    ErrorDocument 404 /errors/dir
</Location>
<Location /error/moved>
    ErrorDocument 404 /status/301
</Location>
<Location /error/broken>
    ErrorDocument 404 /handled
</Location>
<Location /error/status>
    ErrorDocument 501 "five hundred and one"
    ErrorDocument 405 /errors/page.html
    ErrorDocument 503 /errors/page.html
</Location>
<Location /error/status/503>
    Redirect 503
</Location>
<Location /error/login>
    ErrorDocument 401 /errors/page.html
    Header always set WWW-Authenticate 'Basic realm="nobody"'
    Redirect 401
</Location>
<Location /named>
    HostnameLookups On
</Location>
<Location /named/double>
    HostnameLookups Double
</Location>
<Location /expr/redirect>
    Redirect 307 "https://%{{HTTP_HOST}}/to%{{REQUEST_URI}}?by=%{{REQUEST_METHOD}}"
</Location>
<Location /expr/alias>
    Alias "{{docroot}}/%{{tolower:PAGE.html}}"
</Location>
<Location /expr/text>
    ErrorDocument 404 "Nothing at %{{REQUEST_URI}} for %{{HTTP_USER_AGENT}}"
</Location>
<Location /expr/path>
    ErrorDocument 404 "/errors/%{{QUERY_STRING}}.html"
</Location>
<Location /expr/url>
    ErrorDocument 404 "http://%{{HTTP_HOST}}/lost%{{REQUEST_URI}}"
</Location>
<Location /expr/handler>
    SetHandler "%{{QUERY_STRING}}"
</Location>
<Location /signed>
    ServerSignature On
</Location>
<Location /signed/email>
    ServerSignature EMail
</Location>
<Location /bare>
    SetEnv suppress-error-charset 1
    ErrorDocument 404 "no charset"
</Location>
<Location /old-client>
    SetEnv force-response-1.0 1
    SetEnv downgrade-1.0 1
</Location>
<Location /no-vary>
    SetEnv force-no-vary 1
    Header set Vary Accept
</Location>
Alias /old-client "{{docroot}}/digits.txt"
Alias /no-vary "{{docroot}}/digits.txt"
<VirtualHost *>
    ServerName files.example
    DocumentRoot "{{docroot}}"
</VirtualHost>
<VirtualHost *>
    ServerName on.example
    DocumentRoot "{{docroot}}"
    AllowEncodedSlashes On
</VirtualHost>
<VirtualHost *>
    ServerName nodecode.example
    DocumentRoot "{{docroot}}"
    AllowEncodedSlashes NoDecode
</VirtualHost>
<VirtualHost *>
    ServerName slashes.example
    DocumentRoot "{{docroot}}"
    MergeSlashes Off
    <Location /slash/a>
        Header set X-Slash location
    </Location>
    Alias /other/ "{{docroot}}/slash/"
</VirtualHost>
<VirtualHost *>
    ServerName limited.example
    DocumentRoot "{{docroot}}"
    LimitInternalRecursion 1
    ErrorDocument 404 /errors/none.html
</VirtualHost>
<VirtualHost *>
    ServerName bad/name.example
    ServerAlias signed.example
    DocumentRoot "{{docroot}}"
    ServerSignature EMail
    ServerAdmin http://example.com/help
</VirtualHost>
"""


def build(docroot: Path) -> None:
    """What is no plain file: links, their owners, odd times, things that are neither file nor directory."""
    for directory in ("links", "closed", "owner"):
        for name, target in (("link.txt", "real.txt"), ("broken.txt", "nowhere"), ("through", "sub"), ("loop", "loop")):
            os.symlink(target, docroot / directory / name)
    os.symlink("real.html", docroot / "closed" / "indexed" / "link.html")
    os.symlink("theirs.txt", docroot / "owner" / "foreign.txt")
    os.symlink("../closed/link.txt", docroot / "links" / "twice.txt")
    if AS_ROOT:
        shutil.chown(docroot / "owner" / "theirs.txt", "nobody")
    os.mkfifo(docroot / "closed" / "fifo")
    (docroot / "index" / "noslash").mkdir()
    (docroot / "locked" / "a.txt").chmod(0)
    (docroot / "locked").chmod(0 if not AS_ROOT else 0o700)
    os.utime(docroot / "future.txt", (4102444800, 4102444800))
    os.utime(docroot / "old.txt", (-86400, -86400))
    for path in (docroot, *docroot.rglob("*")):  # which would tell when each of two servers was made
        if path.is_symlink() or not path.is_file():
            os.utime(path, (MTIME, MTIME), follow_symlinks=False)
