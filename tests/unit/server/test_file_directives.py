"""The directives about answers: values, merging, Apache's texts for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.api.core_config import LARGEST_XML_BODY, UNLIMITED, CoreDir, CoreServer, ETagPart, ETagParts, merge_etag
from pyhttpd.config.diagnostics import Severity
from pyhttpd.config.sections import PerDir, Sections
from pyhttpd.server.file_directives import FILE_DIRECTIVES
from tests.support.requests import configure, refusals

ALL = ETagPart.MTIME | ETagPart.INODE | ETagPart.SIZE
TRADITION = ETagPart.MTIME | ETagPart.SIZE


def of_server(text: str, directory: Path) -> CoreDir:
    return PerDir(configure(text, directory).main.base).config(CoreDir)


def test_every_row_has_its_field() -> None:
    for row in FILE_DIRECTIVES:
        assert row.into in (CoreDir, CoreServer), row.name
        if row.sets is not None:
            assert row.sets in row.into.__dataclass_fields__, row.name


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("AddDefaultCharset", "AddDefaultCharset takes one argument, The name of the default charset to add to any "
         "Content-Type without one or 'Off' to disable"),
        ("AllowEncodedSlashes Perhaps", "AllowEncodedSlashes must be On, Off, or NoDecode"),
        ("ContentDigest 1", "ContentDigest must be On or Off"),
        ("EnableMMAP yes", "parameter must be 'on' or 'off'"),
        ("ErrorDocument \xb2 x", "Unsupported HTTP response code \xb2"),
        ("FileETag Inode Owner", "Unknown keyword 'Owner' for FileETag directive"),
        ("FileETag +All", "FileETag keyword 'All' cannot be used with '+' or '-'"),
        ("FileETag -None", "FileETag keyword 'None' cannot be used with '+' or '-'"),
        ("FileETag +", "Unknown keyword '' for FileETag directive"),
        ("FlushMaxThreshold -1", "parameter must be a number between 0 and (4294967295U)): -1"),
        ("FlushMaxThreshold 1k", "parameter must be a number between 0 and (4294967295U)): 1k"),
        ("FlushMaxThreshold 4294967296", "parameter must be a number between 0 and (4294967295U)): 4294967296"),
        ("FlushMaxPipelined -2", "parameter must be a number between -1 and (2147483647): -2"),
        ("FlushMaxPipelined 2147483648", "parameter must be a number between -1 and (2147483647): 2147483648"),
        ("LimitXMLRequestBody -1", "LimitXMLRequestBody requires a non-negative integer."),
        ("LimitXMLRequestBody 3074457345618258602", "LimitXMLRequestBody must not exceed 3074457345618258601"),
        ("SeeRequestTail 1", "SeeRequestTail must be On or Off"),
        ("Port 80", "Port was replaced with Listen in Apache 2.0"),
        ("HostnameLookups maybe", "parameter must be 'on', 'off', or 'double'"),
        ("LimitInternalRecursion 0", "The recursion limit must be greater than zero."),
        ("LimitInternalRecursion 10 -1", "The recursion limit must be greater than zero."),
        ("MaxRanges 0", "MaxRanges requires 'none', 'default', 'unlimited' or a positive integer"),
        ("MaxRanges -1", "MaxRanges requires 'none', 'default', 'unlimited' or a positive integer"),
        ("MaxRangeOverlaps few", "MaxRangeOverlaps requires 'none', 'default', 'unlimited' or a positive integer"),
        ("MaxRangeReversals 3x", "MaxRangeReversals requires 'none', 'default', 'unlimited' or a positive integer"),
        ("MergeSlashes 0", "MergeSlashes must be On or Off"),
        ("QualifyRedirectURL x", "QualifyRedirectURL must be On or Off"),
        ("ReadBufferSize -1", "parameter must be a number between 0 and (4294967295U)): -1"),
        ("ReadBufferSize 4294967296", "parameter must be a number between 0 and (4294967295U)): 4294967296"),
        ("ServerSignature loud", "ServerSignature: use one of: off | on | email"),
    ],
)  # fmt: skip
def test_what_is_wrong(line: str, message: str, tmp_path: Path) -> None:
    assert refusals(line, tmp_path) == [message]


@pytest.mark.parametrize(
    "name",
    [
        "AllowEncodedSlashes Off", "MergeSlashes On", "LimitInternalRecursion 9", "FlushMaxThreshold 1",
        "FlushMaxPipelined -1", "SeeRequestTail On", "Protocol http",
    ],
)  # fmt: skip
def test_what_stands_outside_sections_only(name: str, tmp_path: Path) -> None:
    found = refusals(f"<Directory /srv>\n{name}\n</Directory>", tmp_path)
    assert found == [f"{name.split()[0]} not allowed in <Directory> context"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("", TRADITION),
        ("INode", ETagPart.INODE),
        ("all", ALL),
        ("None", ETagPart.NO_TAG),
        ("None MTime", ETagPart.MTIME),
        ("Size LastModified", TRADITION),
        ("LMTime", ETagPart.MTIME),
        ("Digest", ETagPart.DIGEST),
        ("+INode", ETagPart.INODE),  # only what is added counts where nothing was named
        ("-INode", TRADITION),
        ("INode -INode", TRADITION),  # nothing is left, which is as nothing said
    ],
)
def test_the_parts_of_an_etag(words: str, parts: ETagPart, tmp_path: Path) -> None:
    assert of_server(f"FileETag {words}", tmp_path).etag.effective == parts


@pytest.mark.parametrize(
    ("outer", "inner", "parts"),
    [
        (ETagParts(ALL), ETagParts(remove=ETagPart.INODE), TRADITION),
        (ETagParts(ETagPart.SIZE), ETagParts(add=ETagPart.INODE), ETagPart.SIZE | ETagPart.INODE),
        (ETagParts(ALL), ETagParts(ETagPart.NO_TAG), ETagPart.NO_TAG),
        (ETagParts(ETagPart.NO_TAG), ETagParts(add=ETagPart.SIZE), ETagPart.SIZE),
        (ETagParts(ETagPart.NO_TAG), ETagParts(), ETagPart.NO_TAG),
        (ETagParts(remove=ETagPart.SIZE), ETagParts(add=ETagPart.SIZE), ETagPart.SIZE),
    ],
)
def test_inner_scopes_of_an_etag(outer: ETagParts, inner: ETagParts, parts: ETagPart) -> None:
    assert merge_etag(outer, inner).effective == parts


def test_values(tmp_path: Path) -> None:
    text = (
        "AddDefaultCharset On\nAllowEncodedSlashes NoDecode\nContentDigest On\nEnableMMAP Off\nForceType IMAGE/Gif\n"
        "HostnameLookups Double\nMaxRanges none\nMaxRangeOverlaps unlimited\nMaxRangeReversals 7\n"
        "QualifyRedirectURL On\nReadBufferSize 512\nServerSignature EMail\nMergeSlashes Off\nDefaultType none\n"
    )
    config = of_server(text, tmp_path)
    assert (config.default_charset, config.content_digest) == ("iso-8859-1", True)
    assert (config.force_type, config.hostname_lookups) == ("image/gif", "double")
    assert (config.max_ranges, config.max_range_overlaps, config.max_range_reversals) == (0, UNLIMITED, 7)
    assert (config.qualify_redirect_url, config.read_buffer_size, config.server_signature) == (True, 512, "email")
    server = configure(text, tmp_path).main.config(CoreServer)
    assert (server.merge_slashes, server.main_encoded_slashes) == (False, "nodecode")


def test_default_is_a_limit_too(tmp_path: Path) -> None:
    configuration = configure("MaxRanges 3\n<Directory /srv>\nMaxRanges default\n</Directory>", tmp_path)
    assert Sections(configuration.main).directory("/srv/x").config(CoreDir).max_ranges == 200


@pytest.mark.parametrize(
    ("line", "limits", "numbers"),
    [
        ("LimitInternalRecursion 20", (20, 20), []),
        ("LimitInternalRecursion 5 4", (5, 4), []),
        ("LimitInternalRecursion 3", (3, 3), ["AH00119"]),
        ("LimitInternalRecursion 9 1", (9, 1), ["AH00120"]),
        ("DefaultType text/html", (10, 10), ["AH00117"]),
        ("DefaultType Off", (10, 10), []),
    ],
)
def test_warnings(line: str, limits: tuple[int, int], numbers: list[str], tmp_path: Path) -> None:
    configuration = configure(line, tmp_path)
    core = configuration.main.config(CoreServer)
    assert (core.redirect_limit, core.subrequest_limit) == limits
    assert [w.number for w in configuration.diagnostics if w.severity is Severity.WARNING] == numbers


def test_a_charset_may_be_taken_back(tmp_path: Path) -> None:
    configuration = configure("AddDefaultCharset utf-8\n<Location /raw>\nAddDefaultCharset Off\n</Location>", tmp_path)
    sections = Sections(configuration.main)
    assert sections.base.config(CoreDir).default_charset == "utf-8"
    assert sections.location(sections.base, "/raw/x").config(CoreDir).default_charset is None


@pytest.mark.parametrize(("number", "limit"), [("5000", 5000), ("0", LARGEST_XML_BODY)])
def test_what_a_body_of_xml_may_have(number: str, limit: int, tmp_path: Path) -> None:
    assert of_server(f"LimitXMLRequestBody {number}\n", tmp_path).limit_xml_request_body == limit


def test_filters_that_are_not_there(tmp_path: Path) -> None:
    found = configure('<Location /a>\nSetOutputFilter "DEFLATE;x"\n</Location>\n', tmp_path).diagnostics
    assert [each.message for each in found if each.number == "PH00404"] == [
        "SetOutputFilter DEFLATE has no effect: there is no filter of that name, it is one of mod_deflate",
        "SetOutputFilter x has no effect: there is no filter of that name",
    ]
