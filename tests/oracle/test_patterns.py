"""What PCRE has and Python's `re` has not, or reads otherwise, in both servers: the same patterns match the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import OURS, require_apache
from tests.support.clients import Client
from tests.support.servers import Apache, Server, close_all

PATTERNS = (
    r"^/a++/x", r"^/a++a", r"^/(?>a*)a", r"^/(?>a|aa)\.", r"(?<n>x)\.t", r"(?P<m>x)\.(?P=m)?t", r"(?'q'x)\.t",
    r"(?i)X\.TXT", r"/x(?i)\.TXT", r"/x(?i:\.TXT)", r"(?-i)X", r"^/(\((?:[^()]|(?1))*\))\.txt", r"\((?:[^()]|(?R))*\)",
    r"(?<=/)x(?=\.)", r"(?<!a/)x", r"[[:alpha:]]+\.[[:alnum:]]{3}$", r"\p{L}", r"\x78\.txt", r"\Qx.txt\E$",
    r"/x\Kx?\.txt", r"\R?x", r"\h?x\H", r"(?|(a)|(x))", r"(a)?x(?(1)z|\.)", r"x(*FAIL)|\.txt", r"x(?#c)\.",
    r"(?x) x \. t ", r"x{1,2}\.", r"\A/x", r"txt\z", r"txt\Z", r"\G/x", r"(?J)(?<d>a)|(?<d>x)", r"\N\.txt", r"\X\.txt",
    r"\o{170}\.", r"\cA|x", r"(?&w)\.(?(DEFINE)(?<w>x))", r"(.)\.(t)x\2", r"(t)x\g{-1}", r"(?<t>t)x\k<t>",
    r"(?<t>t)x\k{t}", "[]x]", "[^]x]", "a]", "x{a}", r"\w\.\w", r"\d|\D\.", "(*UTF8)x", "(*ANYCRLF)x", r"\x{78}",
    r"\e|x", r"\08|x", "(?C1)x", "(?^)x", "(?xx)[x .]t", "(?n)(x)", "(*positive_lookahead:x)x", r"(*atomic:x)\.",
    r"\bx\b", r"\B\.", "x|", "(?U)x.*t", r"(?<n>x)(?<n>\.)", "(?i)(?-i:X)|x", r"[a\]x]\.", r"\C\.txt", "$x|txt$",
    "(a+)(a+)(a+)", "^.x?", "é",
)  # fmt: skip
FILES = dict.fromkeys(("x.txt", "a/x.txt", "aaa.txt", "(x).txt", "((x)(y)).txt"), "x\n")
TARGETS = (
    "/x.txt", "/a/x.txt", "/aaa.txt", "/(x).txt", "/((x)(y)).txt", "/X.TXT", "/none/%C3%A9t%C3%A9", "/x.txt%0A",
    "/%ff.txt",
)  # fmt: skip


def lines_of(number: int, pattern: str) -> str:
    """Whether it matches, in a section's tag and in conditions; and a virtual host that tells its groups."""
    written = pattern.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'<LocationMatch "{written}">\nHeader always append X-Location {number}\n</LocationMatch>\n'
        f'<FilesMatch "{written}">\nHeader always append X-Files {number}\n</FilesMatch>\n'
        f'<If "%{{REQUEST_URI}} =~ m;{written};">\nHeader always append X-If {number}\n</If>\n'
        f"Header always append X-Expr {number} \"expr=%{{REQUEST_URI}} =~ m;{written}; && '$1$2' in {{'a', 'x'}}\"\n"
        f'<VirtualHost *>\nServerName p{number}.example\nRedirectMatch "{written}" "/to/[$0][$1][$2]"\n</VirtualHost>\n'
    )


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    require_apache()
    pair = (Apache(files=FILES, log_level="notice"), OURS(files=FILES, log_level="notice"))
    for server in pair:
        first = "<VirtualHost *>\nServerName h.example\n</VirtualHost>\n"
        server.configure(first + "".join(lines_of(*numbered) for numbered in enumerate(PATTERNS)))
        server.start()
    yield pair
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


def told(server: Server, target: str, host: str = "h.example") -> tuple[int, list[tuple[str, str]]]:
    with Client(server.port) as client:
        answer = client.ask(target, Connection="close", Host=host)
    return answer.status, sorted(field for field in answer.headers if field[0].startswith(("X-", "Location")))


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_patterns_match(target: str, servers: tuple[Server, Server]) -> None:
    theirs, ours = (told(server, target) for server in servers)
    assert theirs[1], "nothing has matched"
    assert ours == theirs


@pytest.mark.parametrize("number", range(len(PATTERNS)))
def test_the_same_groups(number: int, servers: tuple[Server, Server]) -> None:
    host = f"p{number}.example"
    for target in TARGETS:
        assert told(servers[1], target, host) == told(servers[0], target, host), PATTERNS[number]
