"""What acts while the text is read: order, files, variables, modules."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pyhttpd.config.diagnostics import Severity
from pyhttpd.config.read import ReadOptions, read
from pyhttpd.config.report import MOST
from tests.unit.config.fakes import CATALOG, Server, diagnostics_of, output_of, read_text


def admin(directory: Path, text: str, **options: object) -> str:
    return read_text(directory, text, **options).main.config(Server).admin


def test_variables_are_read_when_their_line_is_reached(tmp_path: Path) -> None:
    configuration = read_text(
        tmp_path,
        "Define N a\n<VirtualHost *>\nServerName ${N}\n</VirtualHost>\n"
        "Define N b\n<VirtualHost *>\nServerName ${N}\n</VirtualHost>\n",
    )
    assert [vhost.config(Server).name for vhost in configuration.vhosts] == ["a", "b"]
    assert configuration.defines == {"N": "b"}


def test_a_value_is_split_into_words_unless_it_is_quoted(tmp_path: Path) -> None:
    text = 'Define X "a b"\nServerAlias ${X}\nServerAdmin "${X}"\n'
    server = read_text(tmp_path, text).main.config(Server)
    assert (server.aliases, server.admin) == (("a", "b"), "a b")


def test_before_and_after_and_defines(tmp_path: Path) -> None:
    text = "<IfDefine D>\nServerAdmin ${FROM}\n</IfDefine>\nServerName file\n"
    configuration = read_text(
        tmp_path, text, defines=("D",), before=("Define FROM -C", "ServerName before"), after=("ServerName after",)
    )
    server = configuration.main.config(Server)
    assert (server.admin, server.name) == ("-C", "after")


def test_server_root_acts_at_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.conf").write_text("ServerAdmin sub\n")
    (tmp_path / "x.conf").write_text("ServerName top\n")
    text = f"Include x.conf\nServerRoot {tmp_path}/sub\nInclude x.conf\nErrorLog e\n"
    configuration = read_text(tmp_path, text)
    server = configuration.main.config(Server)
    assert (server.name, server.admin, server.log) == ("top", "sub", f"{tmp_path}/sub/e")
    assert configuration.server_root == f"{tmp_path}/sub"
    assert configuration.path == f"{tmp_path}/httpd.conf"
    assert [(each.depth, each.line, each.path) for each in configuration.included] == [
        (0, 0, f"{tmp_path}/httpd.conf"), (1, 1, f"{tmp_path}/x.conf"), (1, 3, f"{tmp_path}/sub/x.conf"),
    ]  # fmt: skip


def test_a_condition_that_does_not_hold_is_skipped_unread(tmp_path: Path) -> None:
    text = (
        "<IfModule no_module>\nFoo ${NO}\nInclude none\nLoadModule a b\n<Directory /x>\nBar\n</Directory>\n"
        '"\n</IfModule>\nServerAdmin x\n'
    )
    assert admin(tmp_path, text) == "x"
    assert diagnostics_of(tmp_path, text) == ()


@pytest.mark.parametrize("name", ["mod_dir.c", "dir_module", "core.c", "mpm_worker_module", "worker.c", "!prefork.c"])
def test_if_module(tmp_path: Path, name: str) -> None:
    assert admin(tmp_path, f"<IfModule {name}>\nServerAdmin yes\n</IfModule>\n") == "yes"


@pytest.mark.parametrize("name", ["MOD_DIR.C", "mod_dir", "mod_extra.c", "mpm_prefork_module", "!mod_dir.c"])
def test_if_module_that_does_not_hold(tmp_path: Path, name: str) -> None:
    assert admin(tmp_path, f"<IfModule {name}>\nServerAdmin yes\n</IfModule>\n") == "nobody"


def test_a_section_inside_a_condition_inside_a_section(tmp_path: Path) -> None:
    (tmp_path / "inner.conf").write_text("SetHandler x\n")
    text = (
        "<VirtualHost *>\n<IfModule mod_dir.c>\n<Directory /srv>\n<IfDefine !D>\nInclude inner.conf\n</IfDefine>\n"
        "</Directory>\n</IfModule>\n</VirtualHost>\n"
    )
    (scope,) = read_text(tmp_path, text).vhosts[0].directories
    assert list(scope.values.values()) == [{"handler": "x"}]


# --- modules -------------------------------------------------------------------------------------------------------


def test_the_default_mpm(tmp_path: Path) -> None:
    configuration = read_text(tmp_path, "ThreadsPerChild 5\n")
    assert configuration.mpm_name == "worker"
    assert [(module.name, module.static) for module in configuration.modules][-1] == ("mpm_worker_module", True)


def test_the_mpm_of_a_line(tmp_path: Path) -> None:
    text = "LoadModule mpm_prefork_module any/path.so\n<IfModule prefork.c>\nMinSpareServers 3\n</IfModule>\n"
    configuration = read_text(tmp_path, text)
    assert configuration.mpm_name == "prefork"
    assert ("mpm_prefork_module", False) in [(module.name, module.static) for module in configuration.modules]


def test_a_line_for_a_module_that_is_compiled_in_moves_it_behind_the_others(tmp_path: Path) -> None:
    text = (
        "LoadModule extra_module x.so\nLoadModule version_module x.so\nLoadModule mpm_prefork_module x.so\n"
        "LoadModule dir_module modules/mod_dir.so\n"
    )
    assert diagnostics_of(tmp_path, text) == ()
    given = [(module.name, module.static) for module in read_text(tmp_path, text).modules]
    names = ("extra_module", "version_module", "mpm_prefork_module", "dir_module")
    assert given[-4:] == [(name, False) for name in names]
    assert {static for _, static in given[:-4]} == {True}
    assert not {name for name, _ in given[:-4]} & set(names)
    twice = text + "LoadModule dir_module x\nLoadModule version_module x\n"
    assert [diagnostic.number for diagnostic in diagnostics_of(tmp_path, twice)] == ["AH01574", "AH01574"]
    assert [(module.name, module.static) for module in read_text(tmp_path, twice).modules] == given


def test_the_default_mpm_stands_behind_what_no_line_has_loaded(tmp_path: Path) -> None:
    given = [module.name for module in read_text(tmp_path, "LoadModule dir_module x\n").modules]
    assert given[-2:] == ["mpm_worker_module", "dir_module"]


@pytest.mark.parametrize("name", ["core_module", "http_module", "so_module"])
def test_what_no_file_can_bring(tmp_path: Path, name: str) -> None:
    (diagnostic,) = diagnostics_of(tmp_path, f"LoadModule {name} modules/x.so\n")
    assert diagnostic.message == f"module {name} is built-in and can't be loaded"


def test_a_second_line_for_a_module(tmp_path: Path) -> None:
    (diagnostic,) = diagnostics_of(tmp_path, "LoadModule extra_module a.so\nLoadModule extra_module a.so\nExtra x\n")
    assert (diagnostic.number, diagnostic.severity) == ("AH01574", Severity.WARNING)


def test_a_module_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "user_package_of_test").mkdir()
    (tmp_path / "user_package_of_test" / "mine.py").write_text(
        "from pyhttpd.config.directive import ANYWHERE, Args, Directive\n"
        "from tests.unit.config.fakes import Dir, Owner\n"
        "ROW = Directive('Mine', Args.take(str), ANYWHERE, '', into=Dir, sets='case')\n"
        "MODULE = Owner('mine_module', 'mine.py', (ROW,))\n"
    )
    (tmp_path / "user_package_of_test" / "broken.py").write_text("1 / 0\n")
    (tmp_path / "user_package_of_test" / "empty.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "LoadModule mine_module user_package_of_test.mine\nMine x\n"
    configuration = read_text(tmp_path, text)
    assert [module.implementation for module in configuration.modules if module.name == "mine_module"] == [
        "user_package_of_test.mine"
    ]
    for name, expected in (
        ("broken", "ZeroDivisionError"), ("empty", "MODULE"), ("none", "ModuleNotFoundError"), ("mine", "mine_module"),
    ):  # fmt: skip
        (diagnostic,) = diagnostics_of(tmp_path, f"LoadModule other_module user_package_of_test.{name}\n")
        assert diagnostic.severity is Severity.ERROR
        assert expected in diagnostic.message
    for name in ("user_package_of_test", "user_package_of_test.mine", "user_package_of_test.empty"):
        sys.modules.pop(name, None)


def test_directives_of_a_module_that_is_refused_are_not_reported(tmp_path: Path) -> None:
    text = "LoadModule rewrite_module modules/mod_rewrite.so\nRewriteEngine On\nRewriteRule a b\nProxyPass a b\n"
    messages = [diagnostic.message for diagnostic in diagnostics_of(tmp_path, text)]
    assert messages[0].startswith("Cannot load modules/mod_rewrite.so into server")
    assert [message.split("'")[1] for message in messages[1:-1]] == ["ProxyPass"]
    assert messages[-1] == "Modules that pyhttpd does not have: mod_proxy, mod_rewrite"


# --- files that are no good ------------------------------------------------------------------------------------------


def test_files_that_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("Foo\nInclude b.conf\n")
    (tmp_path / "b.conf").write_text("<Directory /x>\nInclude a.conf\n</Directory>\n")
    (diagnostic, *_) = diagnostics_of(tmp_path, "Include a.conf\n")
    assert diagnostic.message == "Exceeded maximum include depth of 128, There appears to be a recursion."
    assert len(diagnostic.chain) == 128


def test_the_main_file_is_not_there(tmp_path: Path) -> None:
    for name, reason in (("none.conf", "No such file or directory"), (".", "Is a directory"), ("a\0b", "embedded")):
        with pytest.raises(Exception, match=f"Could not open configuration file .*{reason}"):
            read(ReadOptions(name, str(tmp_path)), CATALOG)


def test_a_binary_file(tmp_path: Path) -> None:
    (diagnostic,) = diagnostics_of(tmp_path, "Foo\nBar\0\n" * 100)
    assert (diagnostic.number, diagnostic.location and diagnostic.location.line) == ("PH00402", 2)


def test_more_messages_than_anybody_reads(tmp_path: Path) -> None:
    *found, last = diagnostics_of(tmp_path, "".join(f"Foo{number}\n" for number in range(MOST + 50)))
    assert len(found) == MOST
    assert (last.number, last.message) == ("PH00405", "50 more messages are not shown")
    assert last.severity is Severity.ERROR
    warnings = "".join(f"ServerAdmin ${{NO{number}}}\n" for number in range(MOST + 50))
    assert read_text(tmp_path, warnings).diagnostics[-1].severity is Severity.WARNING


def test_a_file_that_is_included_twice_has_its_mistakes_once(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text("Foo\n")
    assert output_of(tmp_path, "Include x.conf\nInclude x.conf\n").count("AH00526") == 1
