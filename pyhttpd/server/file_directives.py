"""The core's directives about what is answered: validators, ranges, types, names in paths, error pages, redirects."""

from __future__ import annotations

import re

from pyhttpd.api.core_config import LARGEST_XML_BODY, UNLIMITED, CoreDir, CoreServer, ErrorDocument, ETagPart, ETagParts
from pyhttpd.api.filters import INPUT, OUTPUT, warn_of_name
from pyhttpd.api.url import is_url
from pyhttpd.config.directive import (
    ANYWHERE,
    RSRC,
    SECTIONS,
    Args,
    ChoiceError,
    Context,
    Converter,
    Directive,
    Override,
    Setting,
    SettingError,
    number,
)
from pyhttpd.expr import ExpressionError, Text, parse_text
from pyhttpd.http.status import REASONS
from pyhttpd.server.arguments import choice, on_or_off
from pyhttpd.util.digits import is_number, value_of

_ALL_CLASSES = Override.OPTIONS | Override.FILEINFO | Override.AUTHCONFIG | Override.LIMIT | Override.INDEXES
_ETAG_WORDS = {
    "none": ETagPart.NO_TAG,
    "all": ETagPart.MTIME | ETagPart.INODE | ETagPart.SIZE,
    "size": ETagPart.SIZE,
    "mtime": ETagPart.MTIME,
    "lmtime": ETagPart.MTIME,
    "lastmodified": ETagPart.MTIME,
    "inode": ETagPart.INODE,
    "digest": ETagPart.DIGEST,
}
_LARGEST_BUFFER = 2**32 - 1


def _file_etag(setting: Setting, *words: str) -> None:
    """Words without a sign forget what the lines before said; words with one change it."""
    named, add, remove = setting.get("etag", ETagParts())
    first = True
    for word in words:
        sign = word[0] if word[:1] in ("+", "-") else ""
        name = word[len(sign) :]
        part = _ETAG_WORDS.get(name.lower())
        if part is None:
            message = f"Unknown keyword '{name}' for FileETag directive"
            choices = ("None", "All", "INode", "MTime", "Size", "Digest")
            raise SettingError(message, wrong=word, part=name, choices=choices)
        if sign and name.lower() in ("none", "all"):
            raise SettingError(f"FileETag keyword '{name}' cannot be used with '+' or '-'", wrong=word)
        if sign == "+":
            add, remove = add | part, remove & ~part
        elif sign:
            add, remove = add & ~part, remove | part
        else:
            whole = first or name.lower() in ("none", "all")
            named = part if whole else named | part
            add = remove = ETagPart.NONE
            first = False
    if named != ETagPart.NO_TAG:
        named &= ~ETagPart.NO_TAG  # `None` means something alone
    setting.set("etag", ETagParts(named, add, remove))


def _ranges(name: str, default: int) -> Converter:
    def convert(word: str) -> int:
        choices = {"none": 0, "default": default, "unlimited": UNLIMITED}
        known = choices.get(word.lower())
        if known is not None:
            return known
        if re.fullmatch("[0-9]{1,9}", word) is None or int(word) == 0:
            raise ChoiceError(f"{name} requires 'none', 'default', 'unlimited' or a positive integer", choices)
        return int(word)

    return convert


def _encoded_slashes(setting: Setting, word: str) -> None:
    setting.set("encoded_slashes" if Context.VHOST in setting.context else "main_encoded_slashes", word)


def _default_charset(setting: Setting, word: str) -> None:
    known: dict[str, str | None] = {"off": None, "on": "iso-8859-1"}
    setting.set("default_charset", known.get(word.lower(), word))


def _default_type(setting: Setting, word: str) -> None:
    """There is no type for files without one: `none` says so, anything else is told that it has no effect."""
    if word.lower() not in ("off", "none"):
        place = setting.location
        setting.warn(f"Ignoring deprecated use of DefaultType in line {place.line} of {place.file}.", "AH00117")


def _buffer_size(word: str) -> int:
    if re.fullmatch("[0-9]+", word) is None or value_of(word) > _LARGEST_BUFFER:
        raise ValueError(f"parameter must be a number between 0 and ({_LARGEST_BUFFER}U)): {word}")
    return value_of(word)


def _depth(word: str) -> int:
    if not is_number(word.lstrip("+-")) or number(word) <= 0:
        raise ValueError("The recursion limit must be greater than zero.")
    return number(word)


def _set_filters(setting: Setting, names: str) -> None:
    """A name that no module's filter has is no error for Apache, which complains of it at each request."""
    given = tuple(filter(None, names.split(";")))
    is_output = setting.row.name == "SetOutputFilter"
    for name in given:
        warn_of_name(setting, OUTPUT if is_output else INPUT, name)
    setting.set("output_filters" if is_output else "input_filters", given)


def _recursion(setting: Setting, redirects: int, subrequests: int | None = None) -> None:
    numbers = (
        ("AH00119", redirects, "Limiting internal redirects to very low numbers may cause normal requests to fail."),
        ("AH00120", subrequests,
         "Limiting the subrequest depth to a very low level may cause normal requests to fail."),
    )  # fmt: skip
    for warning, limit, text in numbers:
        if limit is not None and limit < 4:
            setting.warn(text, warning)
    setting.set("redirect_limit", redirects)
    setting.set("subrequest_limit", redirects if subrequests is None else subrequests)


def _error_document(setting: Setting, line: str) -> None:
    """Two words. The old form, `404 "a text` without the closing quote, takes the rest of the line."""
    match = re.match(r"\s*(\S+)\s+(\S.*?)\s*$", line)
    if match is None:
        raise SettingError("ErrorDocument takes two arguments, Change responses for HTTP errors")
    word, text = match[1].strip("\"'"), match[2]
    if text[0] in "\"'":
        quoted = re.match(r'"((?:[^"\\]|\\.)*)("?)(.*)|' r"'((?:[^'\\]|\\.)*)('?)(.*)", text)
        if quoted is None:
            text = text[1:]
        else:
            text = quoted[1] if quoted[1] is not None else quoted[4]
            if (quoted[3] or quoted[6] or "").strip():
                raise SettingError("ErrorDocument takes two arguments, Change responses for HTTP errors")
        text = re.sub(r"\\([\"'\\])", r"\1", text)
    elif re.search(r"[ \t\v\f\r]", text):
        raise SettingError("ErrorDocument takes two arguments, Change responses for HTTP errors")
    if not text:
        raise SettingError("ErrorDocument takes two arguments, Change responses for HTTP errors")
    code = value_of(word) if is_number(word) else 0
    if code not in REASONS:
        raise SettingError(f"Unsupported HTTP response code {word}", wrong=match[1])
    if " " in text:
        kind = "text"
    elif text.startswith("/"):
        kind = "path"
    elif is_url(text):
        kind = "url"
    else:
        kind = "default" if text.lower() == "default" else "text"
    if code == 401 and kind == "url":
        setting.warn(
            f"{setting.location.file}:{setting.location.line} cannot use a full URL in a 401 ErrorDocument "
            "directive --- ignoring!",
            "AH00113",
            level="notice",
        )
        return
    value = "" if kind == "default" else _expression(setting, "Cannot parse expression in ErrorDocument: ", text)
    setting.set("error_documents", {**setting.get("error_documents", {}), code: ErrorDocument(kind, value)})


def _set_handler(setting: Setting, word: str) -> None:
    name = _expression(setting, "Can't parse expression : ", word)
    setting.set("handler", handler_name(name) if isinstance(name, str) else name)


def handler_name(text: str) -> str:
    """A handler's name does not depend on case; what belongs to a socket's path does."""
    return text if text.startswith("proxy:unix") else text.lower()


def _expression(setting: Setting, complaint: str, text: str) -> str | Text:
    """The text itself, if nothing in it depends on a request."""
    try:
        parsed = parse_text(text, writer=setting.writer, source=f"{setting.location.file}:{setting.location.line}")
    except ExpressionError as error:
        raise SettingError(f"{complaint}{error}") from None
    return text if parsed.constant is not None else parsed


def _enable_mmap(setting: Setting, on: bool) -> None:
    """Files are sent by the kernel or read piece by piece and never mapped into memory, which is what Off asks for and
    what On permits."""


def _flush_max_threshold(setting: Setting, word: str) -> None:
    """No more than 16 KiB and one piece of a body ever wait here for what comes behind them, and whatever has to be
    sent is sent before anything else is made: there are no pending data that would have to be limited."""
    if re.fullmatch("[0-9]+", word) is None or value_of(word) > _LARGEST_BUFFER:
        raise SettingError(f"parameter must be a number between 0 and ({_LARGEST_BUFFER}U)): {word}", wrong=word)


def _flush_max_pipelined(setting: Setting, word: str) -> None:
    """An answer is sent whole before the next request is read, so that none is ever pending."""
    if re.fullmatch("-?[0-9]+", word) is None or not -1 <= value_of(word) < 2**31:
        raise SettingError(f"parameter must be a number between -1 and ({2**31 - 1}): {word}", wrong=word)


def _xml_limit(word: str) -> int:
    """Apache takes what is no number for 0, which is here an error like elsewhere."""
    if re.fullmatch("[0-9]+", word) is None:
        raise ValueError("LimitXMLRequestBody requires a non-negative integer.")
    if value_of(word) > LARGEST_XML_BODY:
        raise ValueError(f"LimitXMLRequestBody must not exceed {LARGEST_XML_BODY}")
    return value_of(word) or LARGEST_XML_BODY


def _limit_row(name: str, sets: str, what: str, default: int) -> Directive:
    return Directive(
        name, Args.take(_ranges(name, default)), RSRC | SECTIONS,
        f"Maximum number of {what} in a request before returning the entire resource, or 0 for unlimited",
        into=CoreDir, sets=sets,
    )  # fmt: skip


FILE_DIRECTIVES = (
    Directive(
        "FlushMaxThreshold", Args.take(str), RSRC,
        "Maximum threshold above which pending data are flushed to the network",
        into=CoreServer, apply=_flush_max_threshold,
    ),
    Directive(
        "FlushMaxPipelined", Args.take(str), RSRC,
        "Maximum number of pipelined responses (pending) above which they are flushed to the network",
        into=CoreServer, apply=_flush_max_pipelined,
    ),
    Directive(
        "LimitXMLRequestBody", Args.take(_xml_limit), ANYWHERE,
        "Limit (in bytes) on maximum size of an XML-based request body",
        into=CoreDir, sets="limit_xml_request_body", override=_ALL_CLASSES,
    ),
    Directive(
        "AddDefaultCharset", Args.take(str), ANYWHERE,
        "The name of the default charset to add to any Content-Type without one or 'Off' to disable",
        into=CoreDir, apply=_default_charset, override=Override.FILEINFO,
    ),
    Directive(
        "AllowEncodedSlashes", Args.take(choice("{name} must be On, Off, or NoDecode", "on", "off", "nodecode")), RSRC,
        "Allow URLs containing '/' encoded as '%2F'", into=CoreServer, apply=_encoded_slashes,
    ),
    Directive(
        "ContentDigest", Args.flag(), ANYWHERE, "whether or not to send a Content-MD5 header with each request",
        into=CoreDir, sets="content_digest", override=Override.OPTIONS,
    ),
    Directive(
        "DefaultType", Args.take(str), ANYWHERE, "the default media type for otherwise untyped files (DEPRECATED)",
        into=CoreDir, apply=_default_type, override=Override.FILEINFO,
    ),
    Directive(
        "EnableMMAP", Args.take(on_or_off()), ANYWHERE, "Controls whether memory-mapping may be used to read files",
        into=CoreDir, apply=_enable_mmap, override=Override.FILEINFO,
    ),
    Directive(
        "ErrorDocument", Args.raw(), ANYWHERE, "Change responses for HTTP errors",
        into=CoreDir, apply=_error_document, override=Override.FILEINFO,
    ),
    Directive(
        "FileETag", Args.take(str, least=0, most=None), ANYWHERE,
        "Specify components used to construct a file's ETag",
        into=CoreDir, apply=_file_etag, override=Override.FILEINFO,
    ),
    Directive(
        "ForceType", Args.take(str.lower), ANYWHERE, "a mime type that overrides other configured type",
        into=CoreDir, sets="force_type", override=Override.FILEINFO,
    ),
    Directive(
        "HostnameLookups", Args.take(choice("parameter must be 'on', 'off', or 'double'", "on", "off", "double")),
        RSRC | SECTIONS,
        '"on" to enable, "off" to disable reverse DNS lookups, or "double" to enable double-reverse DNS lookups',
        into=CoreDir, sets="hostname_lookups",
    ),
    Directive(
        "LimitInternalRecursion", Args.take(_depth, _depth, least=1), RSRC,
        "maximum recursion depth of internal redirects and subrequests", into=CoreServer, apply=_recursion,
    ),
    _limit_row("MaxRanges", "max_ranges", "Ranges", 200),
    _limit_row("MaxRangeOverlaps", "max_range_overlaps", "overlaps in Ranges", 20),
    _limit_row("MaxRangeReversals", "max_range_reversals", "reversals in Ranges", 20),
    Directive(
        "MergeSlashes", Args.flag(), RSRC, "Controls whether consecutive slashes in the URI path are merged",
        into=CoreServer, sets="merge_slashes",
    ),
    Directive(
        "QualifyRedirectURL", Args.flag(), ANYWHERE,
        "Controls whether the REDIRECT_URL environment variable is fully qualified",
        into=CoreDir, sets="qualify_redirect_url", override=Override.FILEINFO,
    ),
    Directive(
        "ReadBufferSize", Args.take(_buffer_size), RSRC | SECTIONS,
        "Size (in bytes) of the memory buffers used to read data", into=CoreDir, sets="read_buffer_size",
    ),
    Directive(
        "SetOutputFilter", Args.take(str), ANYWHERE,
        "filter (or ; delimited list of filters) to be run on the request content",
        into=CoreDir, apply=_set_filters, override=Override.FILEINFO,
    ),
    Directive(
        "SetInputFilter", Args.take(str), ANYWHERE,
        "filter (or ; delimited list of filters) to be run on the request body",
        into=CoreDir, apply=_set_filters, override=Override.FILEINFO,
    ),
    Directive(
        "SetHandler", Args.take(str), ANYWHERE, "a handler name that overrides any other configured handler",
        into=CoreDir, apply=_set_handler, override=Override.FILEINFO,
    ),
    Directive(
        "ServerSignature", Args.take(choice("ServerSignature: use one of: off | on | email", "off", "on", "email")),
        ANYWHERE, "En-/disable server signature (on|off|email)",
        into=CoreDir, sets="server_signature", override=_ALL_CLASSES,
    ),
)  # fmt: skip
