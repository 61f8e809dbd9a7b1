"""The command line: what Apache's getopt makes of words, and what each option means."""

from __future__ import annotations

import pytest

from pyhttpd.cli.options import PROGRAM, USAGE, Options, UsageError, parse, split


@pytest.mark.parametrize(
    ("words", "pairs"),
    [
        ([], []),
        (["-t"], [("t", None)]),
        (["-tS"], [("t", None), ("S", None)]),
        (["-f", "x"], [("f", "x")]),
        (["-fx"], [("f", "x")]),
        (["-tfx"], [("t", None), ("f", "x")]),
        (["-tf", "x"], [("t", None), ("f", "x")]),
        (["-f", "-t"], [("f", "-t")]),
        (["-f", ""], [("f", "")]),
        (["-kstart"], [("k", "start")]),
        (["-D", "A", "-DB=c"], [("D", "A"), ("D", "B=c")]),
        (["--", "-t"], [("t", None)]),
        (["-?"], [("?", None)]),
    ],
)
def test_words_become_pairs(words: list[str], pairs: list[tuple[str, str | None]]) -> None:
    assert list(split(words)) == pairs


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["-Z"], f"{PROGRAM}: illegal option -- Z"),
        (["-tZ"], f"{PROGRAM}: illegal option -- Z"),
        (["-w"], f"{PROGRAM}: illegal option -- w"),
        (["-:"], f"{PROGRAM}: illegal option -- :"),
        (["-f"], f"{PROGRAM}: option requires an argument -- f"),
        (["-tD"], f"{PROGRAM}: option requires an argument -- D"),
        (["-k"], f"{PROGRAM}: illegal option -- k"),
        (["-k", "foo"], f"{PROGRAM}: illegal option -- k"),
        (["-kfoo"], f"{PROGRAM}: illegal option -- k"),
        (["-k", "start", "-k", "stop"], f"{PROGRAM}: illegal option -- k"),
        (["--version"], f"{PROGRAM}: illegal option -- -"),
        (["-t", "--", "--"], f"{PROGRAM}: illegal option -- -"),
        (["foo"], ""),
        (["-k", "start", "stop"], ""),
        (["-t", "foo"], ""),
        (["-"], ""),
        ([""], ""),
        (["-h"], ""),
        (["-?"], ""),
        (["-e", "loud"], ""),
        (["-hZ"], ""),
    ],
)
def test_mistakes(words: list[str], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert str(caught.value) == line


def test_everything_together() -> None:
    options = parse(
        ["-d", "/srv", "-fconf/a.conf", "-D", "A", "-D", "B=c", "-C", "Define X", "-C", "Define Y", "-c", "Listen 80",
         "-e", "DEBUG", "-E", "start.log", "-k", "graceful-stop", "-T"]
    )  # fmt: skip
    assert options.server_root == "/srv"
    assert options.config_file == "conf/a.conf"
    assert options.defines == ["A", "B=c"]
    assert options.before == ["Define X", "Define Y"]
    assert options.after == ["Listen 80"]
    assert options.startup_level == "debug"
    assert options.startup_log == "start.log"
    assert options.action == "graceful-stop"
    assert options.skip_document_root_check
    assert facts(options) == (False, False, None, ["A", "B=c"])


def test_the_last_of_several_wins() -> None:
    options = parse(["-f", "a", "-f", "b", "-d", "/a", "-d", "/b"])
    assert (options.config_file, options.server_root) == ("b", "/b")


def facts(options: Options) -> tuple[bool, bool, str | None, list[str]]:
    return options.test, options.dump, options.show, options.defines


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-t"], (True, False, None, [])),
        (["-S"], (False, True, None, ["DUMP_VHOSTS", "DUMP_RUN_CFG"])),
        (["-M"], (False, True, None, ["DUMP_MODULES"])),
        (["-t", "-D", "DUMP_INCLUDES"], (True, True, None, ["DUMP_INCLUDES"])),
        (["-D", "DUMP_VHOSTS"], (False, True, None, ["DUMP_VHOSTS"])),
        (["-D", "DUMP_CONFIG"], (False, False, None, ["DUMP_CONFIG"])),
        (["-X"], (False, False, None, ["DEBUG"])),
        (["-L"], (False, False, "directives", [])),
        (["-l"], (False, False, "compiled_in", [])),
        (["-V"], (False, False, "settings", [])),
        (["-Vl"], (False, False, "settings", [])),
        (["-v"], (False, False, "version", [])),
        (["-vZ"], (False, False, "version", [])),
        (["-v", "-k", "foo", "bar"], (False, False, "version", [])),
    ],
)
def test_what_is_shown(words: list[str], expected: tuple[bool, bool, str | None, list[str]]) -> None:
    assert facts(parse(words)) == expected


def test_the_command_line_of_the_log_has_no_k_and_one_word_each() -> None:
    assert parse(["-tdX", "-k", "start", "-f", "a b"]).command_line == f"{PROGRAM} -t -d X -f a b"
    assert parse(["-kstart"]).command_line == PROGRAM


def test_usage_is_aligned_below_the_name() -> None:
    first, second = USAGE.splitlines()[:2]
    assert first.index("[-D") == second.index("[-C")
