"""Which answers of authorization and authentication may be kept, and what a child must not have to import for them."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.memos import of_memos
from tests.unit.server.serving import Serving, status_of

Make = Callable[..., Serving]

BASIC = "AuthType Basic\nAuthName x\nAuthUserFile users\nRequire valid-user"
KEPT = {
    "no line": ("", 200),
    "all granted": ("Require all granted", 200),
    "all of 2.2": ("Order allow,deny\nAllow from all", 200),
    "some methods": ("Order deny,allow\n<Limit PUT>\nDeny from all\n</Limit>", 200),
    "a variable": ("Order allow,deny\nAllow from all\nDeny from env=NONE", 200),
    "either": (f"{BASIC}\nOrder allow,deny\nAllow from all\nSatisfy any", 200),
    "nobody": (BASIC, 401),
    "a method": ("Require method GET", 200),
}
NOT_KEPT = {
    "an address": "Order allow,deny\nAllow from 127.0.0.1",
    "an address that is another": "Order deny,allow\nDeny from 192.0.2.1",
    "a network": "Order deny,allow\nDeny from all\nAllow from 127",
    "a name": "Order deny,allow\nDeny from none.invalid",
    "an address and all": "Order deny,allow\nDeny from 192.0.2.1\nAllow from 192.0.2.2",
    "an expression": "Require expr %{TIME_YEAR} -ge 2000",
    "who may": "Require ip 127.0.0.1",
    "a realm": f"{BASIC}\nAuthName %{{REMOTE_ADDR}}",
}
PROGRAM = """
import socket
import sys
from base64 import b64encode
from pathlib import Path
from tests.unit.server.serving import Serving

root = Path(sys.argv[1])
(root / "users").write_text(sys.argv[3])
serving = Serving(root, sys.argv[2])
with socket.create_server(("127.0.0.1", 0)) as listener:  # what the clients of this test need
    socket.create_connection(listener.getsockname()).close()
before = set(sys.modules)
print(sorted({"bcrypt", "ctypes"} & before))
serving.page("a.txt", "hello")
serving.page("a/b.txt", "hello")
for name in sys.argv[4:]:
    field = b64encode(f"{name}:secret".encode()).decode()
    for target in ("/a.txt", "/a/b.txt"):
        answer = serving.get(target, f"Authorization: Basic {field}")
        assert answer.startswith(b"HTTP/1.1 200") or name in ("none", "plain"), (name, answer)
print(sorted(set(sys.modules) - before))
"""
USERS = """\
ann:$2y$04$/E0Te9Cu.eALfuTsIREFheNHOCnIKENhrpA1oLoZjoJXcw4tWoT.a
md5:$apr1$E32naY9A$Jq9MZ4gadog1uFkA77cSW.
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
sha256:$5$Cx0juDYnOGj9.XSx$3xFGKzRT5yQ683palnxcbSYZX.LtyG6Pgb5THNdtnD5
plain:secret
"""


pytestmark = pytest.mark.usefixtures("everything_is_old")


def ask_twice(make_serving: Make, lines: str, *fields: str) -> tuple[Serving, list[int]]:
    serving = make_serving(f"LogLevel crit\n<Location />\n{lines}\n</Location>")
    serving.page("a.txt", "hello")
    (serving.root / "users").write_text(USERS)
    return serving, [status_of(serving.get("/a.txt", *fields)) for _ in range(2)]


@of_memos
@pytest.mark.parametrize("name", KEPT)
def test_kept(make_serving: Make, name: str) -> None:
    lines, status = KEPT[name]
    serving, statuses = ask_twice(make_serving, lines)
    assert statuses == [status] * 2
    assert len(serving.service.answers) == 1


@pytest.mark.parametrize("name", NOT_KEPT)
def test_not_kept(make_serving: Make, name: str) -> None:
    serving, _ = ask_twice(make_serving, NOT_KEPT[name])
    assert len(serving.service.answers) == 0


def test_who_has_sent_a_password_gets_an_answer_of_their_own(make_serving: Make) -> None:
    field = f"Authorization: Basic {b64encode(b'ann:secret').decode()}"
    serving, statuses = ask_twice(make_serving, BASIC, field)
    assert statuses == [200, 200]
    assert len(serving.service.answers) == 0
    assert status_of(serving.get("/a.txt")) == 401


ALIAS = "<AuthnProviderAlias file other>\nAuthUserFile users\n</AuthnProviderAlias>\n"
LIBRARIES = {
    "none": ("", []),
    "nothing to verify": ("<Location />\nAuthType Basic\nAuthName x\nRequire valid-user\n</Location>", []),
    "a file": (f"<Location />\n{BASIC}\n</Location>", ["bcrypt", "ctypes"]),
    "a file inside": (f"<Directory /x>\n<If true>\n{BASIC}\n</If>\n</Directory>", ["bcrypt", "ctypes"]),
    "an alias": (ALIAS, ["bcrypt", "ctypes"]),
    "an .htaccess file": ("<Directory /x>\nAllowOverride AuthConfig\n</Directory>", ["bcrypt", "ctypes"]),
    "a listed one": ("<Directory /x>\nAllowOverrideList AuthUserFile\n</Directory>", ["bcrypt", "ctypes"]),
    "other ones": ("<Directory /x>\nAllowOverride Limit FileInfo\n</Directory>", []),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_are_loaded_where_they_may_be_needed(name: str, tmp_path: Path) -> None:
    lines, expected = LIBRARIES[name]
    assert _imports(tmp_path, lines)[0] == str(expected)


def test_verifying_imports_nothing(tmp_path: Path) -> None:
    lines = f"<Directory />\nAllowOverride None\n</Directory>\n<Location />\n{BASIC}\n</Location>"
    users = ("ann", "md5", "sha", "sha256", "plain", "none")
    assert _imports(tmp_path, lines, *users) == ["['bcrypt', 'ctypes']", "[]"]


def _imports(root: Path, lines: str, *users: str) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, str(root), lines, USERS, *users]
    checkout = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
