"""-t, -S, -M, -V, -l, -v and wrong files: what both programs print for one and the same configuration."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support.servers import MODULES, free_port

SEED = """\
<IfModule mpm_prefork_module>
    StartServers             5
    MinSpareServers          5
    MaxSpareServers         10
    MaxRequestWorkers      150
    MaxConnectionsPerChild 10000
</IfModule>
<IfModule mpm_worker_module>
    StartServers             2
    MinSpareThreads         25
    MaxSpareThreads         75
    ThreadLimit             64
    ThreadsPerChild         25
    MaxRequestWorkers      150
    MaxConnectionsPerChild   0
</IfModule>
"""
SITES = """\
Define site1 one.example
Define empty
<VirtualHost *:{port}>
    ServerName ${{site1}}
    ServerAlias www.one.example *.one.example
</VirtualHost>
<VirtualHost *:{port}>
    ServerName two.example
    ServerAlias www.two.example
</VirtualHost>
<VirtualHost 127.0.0.1:{port}>
    ServerName ip.example
</VirtualHost>
<VirtualHost *:8112>
    ServerName def.example
</VirtualHost>
<VirtualHost *:8112>
</VirtualHost>
<VirtualHost 127.0.0.1:8113>
</VirtualHost>
"""


class Both:
    """The two programs with one configuration file."""

    def __init__(self, apache: Start, pyhttpd: Start, lines: str, **options: str) -> None:
        port = free_port()
        self.apache = apache(lines, start=False, listen=f"Listen 127.0.0.1:{port}", **options)
        self.pyhttpd = pyhttpd(lines, start=False, **options)
        self.pyhttpd.config = self.apache.config  # the very same file, so that paths are equal
        self.config = self.apache.config

    def run(self, *arguments: str) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
        return self.apache.run(*arguments), self.pyhttpd.run(*arguments)


def _anonymous(text: str) -> str:
    """Without the program's name (`pyhttpd`, `apache2`) in front of a message, and what makes it a log line."""
    text = re.sub(r"\b(apache2|pyhttpd):|(?<=Usage: )\S+", "PROGRAM:", text)
    return re.sub(r"^\[[^\]]*\] \[\S+\] \[pid [^\]]*\] ", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("mpm", ["prefork", "worker"])
def test_the_seed_configuration(pyhttpd: Start, apache: Start, mpm: str) -> None:
    both = Both(apache, pyhttpd, SEED + SITES.format(port=8111), mpm=mpm, limits="")
    theirs, ours = both.run("-t")
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)
    assert ours.stderr == "Syntax OK\n"

    theirs, ours = both.run("-S")
    mutex_lines = re.compile(r"^Mutex .*\n", re.MULTILINE)  # of modules that only one of the two has
    assert mutex_lines.sub("", ours.stdout) == mutex_lines.sub("", theirs.stdout)
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)
    assert re.findall(r"^Mutex default: .*$", ours.stdout, re.MULTILINE)

    theirs, ours = both.run("-M")
    module_line = re.compile(r"^ (\w+) \((?:static|shared)\)$", re.MULTILINE)
    names = [set(module_line.findall(result.stdout)) for result in (theirs, ours)]
    assert ours.stdout.splitlines()[0] == theirs.stdout.splitlines()[0] == "Loaded Modules:"
    assert names[0] <= names[1], f"missing: {names[0] - names[1]}"
    assert {f"{name}_module" for name in MODULES} <= names[0]
    assert f" mpm_{mpm}_module (shared)" in ours.stdout
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)

    theirs, ours = both.run("-V")
    assert ours.returncode == theirs.returncode == 0
    for line in ("Architecture:", "Server MPM:", "  threaded:", "    forked:", "Server compiled with...."):
        found = [[text for text in result.stdout.splitlines() if text.startswith(line)] for result in (theirs, ours)]
        assert found[1] == found[0], line
    heads = [re.findall(r"^[A-Z][^:\n]*:", result.stdout, re.MULTILINE) for result in (theirs, ours)]
    assert heads[1] == heads[0]
    for name in ("HTTPD_ROOT", "SERVER_CONFIG_FILE", "DEFAULT_PIDLOG", "DEFAULT_ERRORLOG", "AP_TYPES_CONFIG_FILE"):
        assert re.search(rf'^ -D {name}=".+"$', ours.stdout, re.MULTILINE), name

    # where Apache lists what is linked in, we list the MPM of the file too
    theirs, ours = both.run("-l")
    assert f"  {mpm}.c" in ours.stdout.splitlines()


def test_version_and_compiled_in(pyhttpd: Start, apache: Start) -> None:
    both = Both(apache, pyhttpd, "")
    theirs, ours = both.run("-v")
    shape = r"Server version: \S+/\S+ \(\w+\)\nServer built:   \S+\n"
    assert re.fullmatch(shape, theirs.stdout)
    assert re.fullmatch(shape, ours.stdout)
    assert ours.stdout.startswith("Server version: pyhttpd/")
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)

    theirs, ours = both.run("-l")
    assert ours.stdout.splitlines()[0] == theirs.stdout.splitlines()[0] == "Compiled in modules:"
    compiled = [set(result.stdout.splitlines()[1:]) for result in (theirs, ours)]
    assert all(re.fullmatch(r"  \w+\.c", line) for line in compiled[0] | compiled[1])
    assert compiled[0] <= compiled[1], f"missing: {compiled[0] - compiled[1]}"
    assert ours.returncode == theirs.returncode


# Arguments, with which both programs shall do and say the same.
ARGUMENTS = (
    ("-t", "-D", "BROKEN"),
    ("-t", "-D", "FINE"),
    ("-t", "-C", "Foo bar"),
    ("-t", "-c", "Foo bar"),
    ("-t", "-C", "Define early 1", "-c", "ServerAdmin ${early}"),
    ("-t", "-D", "NOROOT"),
    ("-t", "-T", "-D", "NOROOT"),
    ("-t", "-D", "DUMP_INCLUDES"),
    ("-t", "-e", "info"),
    ("-t", "-e", "loud"),
    ("-t", "-d", "/nonexistent"),
    ("-S", "-C", "Define early 1"),
    ("-t", "-E", "ROOT/logs/startup.log", "-c", "Foo bar"),
    ("-Z",),
    ("-k", "bogus"),
    ("-D",),
)
OPTIONAL = """\
<IfDefine BROKEN>
    Foo bar
</IfDefine>
<IfDefine !BROKEN>
    <IfDefine FINE>
        ServerAdmin fine@example.com
    </IfDefine>
</IfDefine>
<IfDefine NOROOT>
    DocumentRoot /nonexistent
</IfDefine>
Include conf/extra/*.conf
IncludeOptional conf/none/*.conf
"""


def test_arguments(pyhttpd: Start, apache: Start) -> None:
    both = Both(apache, pyhttpd, OPTIONAL)
    extra = both.config.parent / "extra"
    extra.mkdir()
    (extra / "a.conf").write_text("Define a\n")
    (extra / "b.conf").write_text(
        "# nothing\nInclude conf/deep.conf\n"
    )  # the last: what follows gets its line in Apache
    (both.config.parent / "deep.conf").write_text("Define deep yes\n")
    different = []
    for arguments in ARGUMENTS:
        theirs, ours = both.run(*(word.replace("ROOT", str(both.apache.root)) for word in arguments))
        results = []
        for result in (theirs, ours):
            error = [line for line in _anonymous(result.stderr).splitlines() if not line.startswith("  ")]
            output = re.sub(r"^Mutex .*\n", "", result.stdout, flags=re.MULTILINE)
            results.append((result.returncode, output, error[:2] if result.returncode else error))
        if results[0] != results[1]:
            different.append(f"{arguments}:\n  apache2 {results[0]}\n  pyhttpd {results[1]}")
    assert not different, "\n".join(different)


def test_directives(pyhttpd: Start, apache: Start) -> None:
    """-L: where both know a directive, it belongs to the same file and is allowed in the same places."""
    both = Both(apache, pyhttpd, "")
    listed = []
    for result in both.run("-L"):
        assert result.returncode == 0
        found: dict[str, list[str]] = {}
        for line in result.stdout.splitlines():
            if not line.startswith("\t"):
                found[line] = allowed = []
            elif line.startswith(("\tAllowed in", "\twhen")):
                allowed.append(line)
        listed.append(found)
    theirs, ours = listed
    shared = theirs.keys() & ours.keys()
    assert len(shared) > 90
    wrong = {name: (theirs[name], ours[name]) for name in sorted(shared) if theirs[name] != ours[name]}
    assert not wrong, "\n".join(f"{name}: apache2 {a}, pyhttpd {b}" for name, (a, b) in wrong.items())


# Lines that are wrong, and one that is not: both programs end with the same status, and begin with the same two lines.
WRONG = {
    "unknown": "Foo bar",
    "misspelled": "DocumentRot /tmp",
    "no argument": "DocumentRoot",
    "no flag": "KeepAlive maybe",
    "not closed": "<Directory /tmp>",
    "not opened": "</Directory>",
    "unknown section": "<Foo>\n</Foo>",
    "context": "<Directory /tmp>\nListen 80\n</Directory>",
    "crossed": "<VirtualHost *:80>\n<Location /a>\n</VirtualHost>",
    "no such root": "DocumentRoot /nonexistent",
    "no such file": "Include conf/none.conf",
    "no match": "Include conf/none*.conf",
    "optional": "IncludeOptional conf/none*.conf",
    "options": "Options Bogus",
    "mixed options": "Options +Indexes FollowSymLinks",
    "require": "Require foo",
    "listen": "Listen abc",
    "backlog": "ListenBacklog 0",
    "memory": "MaxMemFree -1",
    "error document": "ErrorDocument 999 /x",
    "level": "LogLevel loud",
    "no end": "<IfModule mod_x.c",
    "other mpm": "ThreadsPerChild 5",
    "location": "<Location>\n</Location>",
    "files": '<Files "a" b>\n</Files>',
    "alias": "Alias /x",
    "start": "StartServers 0",
    "too many": "MaxRequestWorkers 500",
    "server limit": "ServerLimit 0",
    "undefined": "ServerAdmin ${UNDEFINED}",
    "redirect": "Redirect 999 /a http://x/",
    "timeout": "Timeout",
    "section twice": "<VirtualHost>\n</VirtualHost>",
    "bad regex": "AliasMatch ( /x",
    "vhost context": "<VirtualHost *:80>\nStartServers 5\n</VirtualHost>",
}


def test_wrong_lines(pyhttpd: Start, apache: Start) -> None:
    both = Both(apache, pyhttpd, "", limits="")
    common = both.apache.common()
    different = {}
    for name, text in WRONG.items():
        Path(both.config).write_text(f"{common}{text}\n")
        theirs, ours = both.run("-t")
        expected, got = (_anonymous(result.stderr).splitlines() for result in (theirs, ours))
        ends = (theirs.returncode, ours.returncode)
        # what we add to a message, an excerpt and a hint, is indented; what else is wrong comes after it
        if ends[0] != ends[1] or [line for line in got if not line.startswith("  ")][: len(expected)] != expected:
            different[name] = (theirs.returncode, expected, ours.returncode, got)
        assert ours.stdout == theirs.stdout

    report = "\n".join(
        f"{name}: {WRONG[name]!r}\n  apache2 {rc}: {a}\n  pyhttpd {rc2}: {b}"
        for name, (rc, a, rc2, b) in different.items()
    )
    assert not different, report
