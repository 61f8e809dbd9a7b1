"""What distributions and web applications ship: nothing in it is wrong but modules that are not there yet.

The texts are our own; each has the constructs of a family of such files. Where Debian's apache2 is installed, its files
are read as well.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import MISSING_MODULES, ConfigurationError, Diagnostic, Severity
from pyhttpd.config.read import ReadOptions, read

DEBIAN = Path("/etc/apache2")
PARTS = sorted(DEBIAN.glob("*-available/*.conf"))
VARIABLES = {
    "APACHE_LOG_DIR": "logs", "APACHE_RUN_DIR": "run", "APACHE_LOCK_DIR": "lock", "APACHE_PID_FILE": "pid",
    "APACHE_RUN_USER": "nobody", "APACHE_RUN_GROUP": "nogroup",
}  # fmt: skip

TEXTS = {
    "php-application": r"""
Alias /app /usr/share/app/www

<Directory /usr/share/app/www>
    Options SymLinksIfOwnerMatch
    DirectoryIndex index.php
    AllowOverride None

    # limit libapache2-mod-php to files and directories necessary by app
    <IfModule mod_php7.c>
        php_admin_value upload_tmp_dir /var/lib/app/tmp
        php_admin_value open_basedir /usr/share/app/:/etc/app/:/var/lib/app/
    </IfModule>
    <IfModule mod_php.c>
        php_flag magic_quotes_gpc Off
    </IfModule>
    <FilesMatch ".+\.ph(?:ar|p|tml)$">
        SetHandler application/x-httpd-php
    </FilesMatch>
</Directory>

# Disallow web access to directories that don't need it
<Directory /usr/share/app/www/templates>
    Require all denied
</Directory>
<DirectoryMatch "^/usr/share/app/(?:libraries|setup/lib)(?:/|$)">
    Require all denied
</DirectoryMatch>
""",
    "both-generations-of-access-control": r"""
<Directory "/usr/share/app">
  Options +FollowSymLinks -MultiViews
  <IfModule mod_authz_core.c>
    # Apache 2.4
    <RequireAny>
      Require ip 127.0.0.1
      Require ip ::1
      Require local
    </RequireAny>
  </IfModule>
  <IfModule !mod_authz_core.c>
    # Apache 2.2
    Order Deny,Allow
    Deny from All
    Allow from 127.0.0.1
  </IfModule>
  <IfVersion < 2.3>
    Order allow,deny
    Allow from all
  </IfVersion>
  <IfVersion >= 2.3>
    Require all granted
  </IfVersion>
</Directory>
""",
    "cgi-behind-a-define": r"""
<IfModule mod_alias.c>
	<IfModule mod_cgi.c>
		Define ENABLE_CGI
	</IfModule>
	<IfModule mod_cgid.c>
		Define ENABLE_CGI
	</IfModule>
	<IfDefine ENABLE_CGI>
		ScriptAlias /cgi-bin/ /usr/lib/cgi-bin/
		<Directory "/usr/lib/cgi-bin">
			AllowOverride None
			Options +ExecCGI -MultiViews +SymLinksIfOwnerMatch
			Require all granted
		</Directory>
	</IfDefine>
</IfModule>
# vim: syntax=apache ts=4 sw=4 sts=4 sr noet
""",
    "site": r"""
<VirtualHost *:80>
	# ServerName www.example.com
	ServerAdmin webmaster@localhost
	DocumentRoot /var/www/html
	#LogLevel info ssl:warn
	ErrorLog ${APACHE_LOG_DIR}/error.log
	CustomLog ${APACHE_LOG_DIR}/access.log combined
	LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined
	<Location "/server-status">
		SetHandler server-status
		Require local
		#Require ip 192.0.2.0/24
	</Location>
	<FilesMatch "^\.ht">
		Require all denied
	</FilesMatch>
	ErrorDocument 403 "You may not, <b>really</b>"
	ErrorDocument 404 /missing.html
	RedirectMatch 404 /\.git
	Redirect permanent /old https://www.example.com/new
</VirtualHost>
""",
    "rewriting-application": r"""
<IfModule mod_rewrite.c>
    RewriteEngine on
    RewriteBase /
    RewriteCond %{REQUEST_FILENAME} !-f
    RewriteRule ^(.*)$ index.php?q=$1 [L,QSA]
</IfModule>
<IfModule mod_headers.c>
    Header always set X-Content-Type-Options nosniff
    Header set Cache-Control "max-age=2592000" "expr=%{REQUEST_STATUS} == 200"
    Header unset ETag
    RequestHeader unset Proxy early
</IfModule>
<IfModule mod_mime.c>
    AddType image/svg+xml svg svgz
    AddEncoding gzip svgz
    AddDefaultCharset utf-8
</IfModule>
<FilesMatch "(\.(engine|inc|info|install|module|profile|test|po|sh|.*sql|theme|tpl(\.php)?|xtmpl)|code-style\.pl|Entries.*)$">
    Require all denied
</FilesMatch>
FileETag None
ServerSignature Off
""",  # noqa: E501 - as such lines are
    "line-ends-of-windows": "<Location /a>\r\n\tRequire  all \\\r\n\t\tgranted\r\n</Location>\r\n# c \\\r\n d\r\n",
}


def read_all(directory: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Diagnostic, ...]:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    modules = ("mpm_worker", "alias", "headers", "mime", "authz_host", "env", "status")
    head = "".join(f"LoadModule {name}_module modules/mod_{name}.so\n" for name in modules)
    (directory / "httpd.conf").write_text(f"ServerName x\n{head}{text}", newline="", errors="surrogateescape")
    try:
        return read(ReadOptions("httpd.conf", str(directory)), boot.catalog()).diagnostics
    except ConfigurationError as error:
        return error.diagnostics


def wrong(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    """The errors that are none of a module that is not there yet."""
    return [
        f"{each.message} ({each.hint})"
        for each in diagnostics
        if each.severity is Severity.ERROR and each.number != MISSING_MODULES
        and not any(text in f"{each.message} {each.hint}" for text in ("does not have", "not one of Apache's own"))
    ]  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(read_all(tmp_path, TEXTS[name], monkeypatch)) == []


@pytest.mark.skipif(not PARTS, reason="Debian's apache2 is not installed")
@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.name)
def test_debian(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.read_text(errors="surrogateescape")
    if path.name == "mpm_prefork.conf":
        pytest.skip("its directives are another MPM's")
    assert wrong(read_all(tmp_path, text, monkeypatch)) == []


@pytest.mark.skipif(not (DEBIAN / "apache2.conf").exists(), reason="Debian's apache2 is not installed")
def test_debians_main_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("APACHE_RUN_DIR", str(tmp_path))
    found: tuple[Diagnostic, ...] = ()
    try:
        read(ReadOptions("apache2.conf", str(DEBIAN)), boot.catalog())
    except ConfigurationError as error:
        found = error.diagnostics
    assert wrong(found) == []
