"""Extensions of file names: which of them count, in what order, and how scopes are merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.api.module import PrepareError
from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.modules.mime_content_type import MalformedError, with_charset
from pyhttpd.modules.mod_mime import TYPES, MimeConfig, find_type, parse_types
from tests.support.requests import a_directory, a_file, configure, make_request, prepared, refusals

KNOWN = {"html": "text/html", "png": "image/png", "gz": "application/x-gzip", "txt": "text/plain"}


@pytest.mark.parametrize(
    ("name", "lines", "content_type", "encoding", "language"),
    [
        ("a.html", "", "text/html", None, None),
        ("A.HTML", "", "text/html", None, None),
        ("a", "", None, None, None),
        ("html", "", None, None, None),
        (".html", "", None, None, None),
        ("..png.html", "", "text/html", None, None),
        ("a..html", "", "text/html", None, None),
        ("a.html.unknown", "", "text/html", None, None),
        ("a.png.html", "", "text/html", None, None),
        ("a.html.gz", "", "application/x-gzip", None, None),
        ("a.html.gz", "AddEncoding x-gzip .gz\nRemoveType .gz", "text/html", "x-gzip", None),
        ("a.gz.z", "AddEncoding GZIP gz\nAddEncoding compress z", "application/x-gzip", "gzip, compress", None),
        ("a.html.de.fr", "AddLanguage de .de\nAddLanguage fr .fr", "text/html", None, "de, fr"),
        ("a.html", "DefaultLanguage en", "text/html", None, "en"),
        ("a.de.html", "AddLanguage de .de\nDefaultLanguage en", "text/html", None, "de"),
        ("a.utf8.html", "AddCharset utf-8 .utf8", "text/html; charset=utf-8", None, None),
        ("a.html", "AddType text/x-mine .html", "text/x-mine", None, None),
        ("a.html", "RemoveType html", None, None, None),
        ("a.foo", "AddType Text/X-Foo foo BAR", "text/x-foo", None, None),
        ("a.utf8.foo", 'AddCharset utf-8 .utf8\nAddType "text/foo; charset=x; v=1" foo',
         "text/foo; charset=utf-8; v=1", None, None),
    ],
)  # fmt: skip
def test_names(
    name: str, lines: str, content_type: str | None, encoding: str | None, language: str | None, tmp_path: Path
) -> None:
    configuration = configure(lines + "\n", tmp_path)
    request = make_request(configuration, filename=f"/d.png/{name}", finfo=a_file(), resources={TYPES: KNOWN})
    assert find_type(request) == (DECLINED if content_type is None else OK)
    assert request.content_type == content_type
    assert request.content_encoding == encoding
    assert request.content_languages == ([] if language is None else language.split(", "))


def test_handlers(tmp_path: Path) -> None:
    configuration = configure("AddHandler My-Handler .my\n", tmp_path)
    request = make_request(configuration, filename="/a.my.html", resources={TYPES: KNOWN})
    find_type(request)
    assert (request.handler, request.content_type) == ("my-handler", "text/html")


def test_directories_have_a_type_of_their_own(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path), filename="/d.html", finfo=a_directory())
    assert find_type(request) == OK
    assert request.content_type == "httpd/unix-directory"


def test_path_info_counts_where_told(tmp_path: Path) -> None:
    text = "<Directory /srv>\nModMimeUsePathInfo On\n</Directory>\n"
    request = make_request(
        configure(text, tmp_path), section="/srv/", filename="/srv/a", path_info="/b.html", resources={TYPES: KNOWN}
    )
    find_type(request)
    assert request.content_type == "text/html"


@pytest.mark.parametrize(
    ("outer", "inner", "content_type", "charset"),
    [
        ("AddType text/a .x", "AddType text/b .x", "text/b", ""),
        ("AddType text/a .x", "AddCharset utf-8 .x", "text/a; charset=utf-8", ""),
        ("AddType text/a .x\nAddCharset utf-8 .x", "RemoveCharset .x", "text/a", ""),
        ("AddType text/a .x\nAddCharset utf-8 .x", "RemoveCharset .x\nAddCharset u16 .x", "text/a", ""),
        ("AddType text/a .x", "RemoveType .x", None, ""),
        ("AddType text/a .x", "", "text/a", ""),
    ],
)
def test_merging(outer: str, inner: str, content_type: str | None, charset: str, tmp_path: Path) -> None:
    text = f"{outer}\n<Directory /srv>\n{inner}\n</Directory>\n"
    request = make_request(configure(text, tmp_path), section="/srv/", filename="/srv/a.x", resources={TYPES: KNOWN})
    find_type(request)
    assert request.content_type == content_type


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", "text/html; charset=u"),
        ("text/html;charset=a", "text/html; charset=u"),
        ('text/html; x="a;b" ; charset=a; y=2', 'text/html; x="a;b"; charset=u; y=2'),
        ("text/html; broken", "text/html; charset=u"),
        ("text/html;x=1;charset=a;charset=b", "text/html; x=1; charset=u"),
    ],
)
def test_charsets(content_type: str, expected: str) -> None:
    assert with_charset(content_type, "u") == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", "text/html"),
        ("text/html;a=b;c=d", "text/html; a=b; c=d"),
        ("text/html ; charset=x", "text/html; charset=x"),
    ],
)
def test_every_type_gets_its_usual_form(content_type: str, expected: str) -> None:
    assert with_charset(content_type, None) == expected


@pytest.mark.parametrize(
    ("content_type", "number"),
    [
        ("", "AH01598"), (" ", "AH01598"), ("text", "AH01599"), ("text;x/y", "AH01599"), ("text x", "AH01600"),
        ("text/ ", "AH01601"), ("text/html;", "AH01602"), ("text/html; =x", "AH01603"), ("text/html; a=", "AH01604"),
        ("text/html; a@b=c", "AH01605"), ('text/html; a="b"c', "AH01606"), ('text/html; a="\xe9"', "AH01607"),
        ("text/html; a=b c", "AH01608"), ("text/html; a=;", "AH01609"),
    ],
)  # fmt: skip
def test_types_that_are_malformed(content_type: str, number: str) -> None:
    with pytest.raises(MalformedError) as raised:
        with_charset(content_type, None)
    assert raised.value.number == number


def test_types_files() -> None:
    lines = ["# comment\n", "text/a  a AA\n", "text/none\n", "\n", "text/b\taa\n", "  # x y\n", "text/c \\\n", " c\n"]
    assert parse_types(lines) == {"a": "text/a", "aa": "text/b", "c": "text/c"}


def test_the_types_file_is_read_when_a_generation_is_prepared(tmp_path: Path) -> None:
    (tmp_path / "types").write_text("text/x x\n")
    preparation = prepared(configure("TypesConfig types\n", tmp_path))
    assert preparation.resources[TYPES] == {"x": "text/x"}


def test_without_a_types_file_ours_is_read(tmp_path: Path) -> None:
    assert prepared(configure("", tmp_path)).resources[TYPES]["html"] == "text/html"
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/mime.types").write_text("text/x html\n")
    assert prepared(configure("", tmp_path)).resources[TYPES] == {"html": "text/x"}


def test_a_types_file_that_is_missing_refuses_the_generation(tmp_path: Path) -> None:
    with pytest.raises(PrepareError, match=r"could not open mime types config file .*/types\.") as raised:
        prepared(configure("TypesConfig types\n", tmp_path))
    assert (raised.value.number, raised.value.errno) == ("AH01597", 2)


@pytest.mark.parametrize(
    ("name", "inner", "output", "input_"),
    [
        ("a.one", "", ["CHUNK", "BYTERANGE"], []),
        ("a.two.ONE", "", ["CORE", "CHUNK", "BYTERANGE"], ["CORE_IN"]),
        ("a.one", "AddOutputFilter core one", ["CORE"], []),
        ("a.one", "RemoveOutputFilter .ONE", [], []),
        ("a.two", "RemoveInputFilter two one", ["CORE"], []),
        ("a", "", [], []),
    ],
)
def test_filters(name: str, inner: str, output: list[str], input_: list[str], tmp_path: Path) -> None:
    lines = "AddOutputFilter chunk;;ByteRange .one\nAddOutputFilter core two\nAddInputFilter core_in two\n"
    configuration = configure(f"{lines}<Directory /d>\n{inner}\n</Directory>\n", tmp_path)
    request = make_request(configuration, section="/d/", filename=f"/d/{name}", resources={TYPES: KNOWN})
    find_type(request)
    assert [each.name for each in request.output_filters] == output
    assert [each.name for each in request.input_filters] == input_


def test_names_of_filters_that_have_no_effect(tmp_path: Path) -> None:
    configuration = configure("AddOutputFilter NOBODY;deflate .x\nAddInputFilter HTTP_IN .x .y\n", tmp_path)
    assert [diagnostic.message for diagnostic in configuration.diagnostics] == [
        "AddOutputFilter NOBODY has no effect: there is no filter of that name",
        "AddOutputFilter deflate has no effect: there is no filter of that name, it is one of mod_deflate",
        "AddInputFilter HTTP_IN has no effect: what it is for the server does by itself",
    ]
    request = make_request(configuration, filename="/a.x", resources={TYPES: KNOWN})
    find_type(request)
    assert [line[1] for line in request.lines] == ["AH00082", "AH00082"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("any NegotiatedOnly", "NegotiatedOnly is incompatible with Any, Filters and Handlers"),
        ("Handlers ANY", "Any is incompatible with NegotiatedOnly, Filters and Handlers"),
        ("Filters\nMultiviewsMatch Any", "Any is incompatible with NegotiatedOnly, Filters and Handlers"),
        ("Any Filters", "Filters is incompatible with Any and NegotiatedOnly"),
        ("NegotiatedOnly Handlers", "Handlers is incompatible with Any and NegotiatedOnly"),
        ("Al", "Unrecognized option 'Al'"),
    ],
)
def test_what_multiviews_match_refuses(words: str, message: str, tmp_path: Path) -> None:
    assert refusals(f"MultiviewsMatch {words}\n", tmp_path) == [message]


def test_multiviews_match_is_kept_for_whoever_negotiates(tmp_path: Path) -> None:
    lines = "MultiviewsMatch Filters\n<Directory /d>\nMultiviewsMatch handlers filters\n</Directory>\n"
    configuration = configure(lines, tmp_path)
    assert make_request(configuration).config(MimeConfig).multiviews_match == {"filters"}
    assert make_request(configuration, section="/d/").config(MimeConfig).multiviews_match == {"filters", "handlers"}
