"""What the core's own directives say: per server (CoreServer) and per directory (CoreDir). Modules read them too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag, auto
from typing import NamedTuple

from pyhttpd.api.log import Levels
from pyhttpd.config.directive import Override
from pyhttpd.config.merging import merged, overlay
from pyhttpd.config.nodes import Location
from pyhttpd.expr import Text
from pyhttpd.util.pickled import quickly_pickled


class Option(Flag):
    """What `Options` switches."""

    NONE = 0
    INDEXES = auto()
    INCLUDES = auto()
    INCLUDES_NOEXEC = auto()  # Includes without the commands that run programs
    EXEC_CGI = auto()
    FOLLOW_SYM_LINKS = auto()
    SYM_LINKS_IF_OWNER_MATCH = auto()
    MULTI_VIEWS = auto()


ALL_OPTIONS = Option.INDEXES | Option.INCLUDES | Option.EXEC_CGI | Option.FOLLOW_SYM_LINKS
"""`Options All`: MultiViews has to be named."""


class Options(NamedTuple):
    """One scope's Options: a whole set (`base`), or what it adds to and takes from the outer scope's (`base` None)."""

    base: Option | None = None
    add: Option = Option.NONE
    remove: Option = Option.NONE

    @property
    def effective(self) -> Option:
        """What is switched on. Outside all scopes FollowSymLinks is."""
        base = Option.FOLLOW_SYM_LINKS if self.base is None else self.base
        return (base & ~self.remove) | self.add

    def plus(self, option: Option) -> Options:
        return Options(self.base, self.add | option, self.remove & ~option)

    def minus(self, option: Option) -> Options:
        return Options(self.base, self.add & ~option, self.remove | option)


def merge_options(outer: Options, inner: Options) -> Options:
    """A whole set replaces; `+` and `-` change what the outer scope says, whichever form that has."""
    if inner.base is not None:
        return inner
    return Options(outer.base, (outer.add & ~inner.remove) | inner.add, (outer.remove & ~inner.add) | inner.remove)


class Overriding(NamedTuple):
    """What AllowOverride lets .htaccess files do."""

    classes: Override = Override.NONE
    passes_forbidden: bool = False  # Nonfatal=Override
    passes_unknown: bool = False  # Nonfatal=Unknown


class ErrorDocument(NamedTuple):
    """What is sent for an error. `kind`: text, path (of this server), url, or default (the built-in page)."""

    kind: str
    value: str | Text  # a Text if it depends on the request


class ETagPart(Flag):
    """What FileETag puts into an entity tag. NO part at all, asked for by name, means no tag."""

    NONE = 0
    NO_TAG = auto()
    MTIME = auto()
    INODE = auto()
    SIZE = auto()
    DIGEST = auto()


class ETagParts(NamedTuple):
    """One scope's FileETag: the parts that it names, and those that it adds to and takes from the outer scope's."""

    named: ETagPart = ETagPart.NONE  # NONE: nothing was named
    add: ETagPart = ETagPart.NONE
    remove: ETagPart = ETagPart.NONE

    @property
    def effective(self) -> ETagPart:
        return (self.named & ~self.remove) | self.add or ETagPart.MTIME | ETagPart.SIZE


def merge_etag(outer: ETagParts, inner: ETagParts) -> ETagParts:
    """Named parts replace the outer scope's, signed ones change them; `None` stands only for itself."""
    if inner.named:
        named, add, remove = inner
    else:
        add = (outer.add & ~inner.remove) | inner.add
        remove = (outer.remove & ~inner.add) | inner.remove
        named = (outer.named & ~remove) | add
    if named != ETagPart.NO_TAG:
        named &= ~ETagPart.NO_TAG
    return ETagParts(named, add, remove)


LARGEST_XML_BODY = (2**64 - 1) // 6 - 1
"""What LimitXMLRequestBody may say, and what its 0 means."""

UNLIMITED = -1
"""Of MaxRanges and its like."""


@dataclass(frozen=True, slots=True)
class ModuleLevels(Levels):
    """`LogLevel ssl:info` without a level of its own: the default is the outer scope's."""


def merge_levels(outer: Levels, inner: Levels) -> Levels:
    """Two that have levels of modules alone have no other together, either."""
    if isinstance(inner, ModuleLevels):
        return type(outer)(outer.default, {**outer.modules, **inner.modules})
    return inner


@quickly_pickled
@dataclass(frozen=True, slots=True)
class CoreServer:
    """Per server. Times are seconds, sizes bytes."""

    server_name: str | None = None  # no port
    server_scheme: str | None = None
    server_port: int = 0  # of ServerName; 0: not given
    server_aliases: tuple[str, ...] = ()
    server_wild_aliases: tuple[str, ...] = ()  # with * or ?
    server_admin: str = "[no address given]"
    server_tokens: str = "Full"
    document_root: str | None = None  # absolute; None: htdocs below ServerRoot
    access_names: tuple[str, ...] = (".htaccess",)  # AccessFileName: the first that is there counts
    document_root_location: Location | None = None  # for the message when it is no directory
    error_log: str = "logs/error_log"  # absolute once it was set
    error_log_format: str | None = None
    error_log_connection: tuple[str, ...] = ()  # formats of what is written once for a connection
    error_log_request: tuple[str, ...] = ()
    timeout: float = 60.0
    keep_alive: bool = True
    keep_alive_timeout: float = 5.0
    max_keep_alive_requests: int = 100  # 0: no limit
    limit_request_line: int = 8190
    limit_request_fields: int = 100  # 0: no limit
    limit_request_field_size: int = 8190
    extended_status: bool | None = None  # None: On where mod_status is
    see_request_tail: bool = False
    accept_filters: Mapping[str, str] = merged({}, overlay)  # by protocol, lower case; none: no waiting for bytes
    redirect_limit: int = 10  # internal redirects of one request
    subrequest_limit: int = 10  # subrequests in each other
    merge_slashes: bool = True
    encoded_slashes: str = "off"  # %2F in a path: off (404), on (decoded), nodecode (kept); the virtual host's own
    main_encoded_slashes: str = "off"  # the main server's: virtual hosts do not inherit it
    named_itself: bool = False  # a virtual host with a ServerName of its own
    server_path: str | None = None  # ServerPath of a virtual host
    main_server_path: str | None = None  # that of the main server
    answer_memo: bool = True
    head_memo: bool = True
    strict_host_check: bool = False
    own_keep_alive_timeout: bool = False  # a virtual host with a KeepAliveTimeout of its own
    http_strict: bool = True  # HttpProtocolOptions Strict
    http_09: bool = True  # Allow0.9
    http_registered_only: bool = False  # RegisteredMethods
    registered_methods: tuple[str, ...] = ()  # beside the built-in ones
    trace: str = "on"  # on, off, extended
    merge_trailers: bool = False
    protocols: tuple[str, ...] = ()
    protocols_honor_order: bool = True

    def document_root_below(self, server_root: str) -> str:
        """DocumentRoot, or the htdocs below ServerRoot that is meant where there is none."""
        return self.document_root or os.path.join(server_root, "htdocs")


class Limit(NamedTuple):
    """Of a resource, as setrlimit knows them. `soft` None: as much as the hard one; `hard` None: as it is."""

    soft: int | None
    hard: int | None = None


@dataclass(frozen=True, slots=True)
class CoreDir:
    """Per directory."""

    options: Options = merged(Options(), merge_options)
    error_documents: Mapping[int, ErrorDocument] = merged({}, overlay)
    log_levels: Levels = merged(Levels(), merge_levels)
    handler: str | Text | None = None  # SetHandler; "none" undoes an outer one
    enable_sendfile: bool = True
    accept_path_info: bool | None = None  # None: as the handler likes it
    limit_request_body: int = 1 << 30  # 0: no limit
    limit_xml_request_body: int = 1_000_000  # of bodies that are read as XML, by whichever module does
    # for programs that answer requests, by whichever module starts them:
    program_limits: Mapping[str, Limit] = merged({}, overlay)  # by directive: RLimitCPU, RLimitMEM, RLimitNPROC
    cgi_pass_auth: bool = False  # whether they get the field Authorization
    cgi_vars: Mapping[str, str] = merged({}, overlay)  # REQUEST_URI: "current-uri" or "original-uri"
    etag: ETagParts = merged(ETagParts(), merge_etag)
    max_ranges: int = 200  # 0: none at all, UNLIMITED: as many as are asked for
    max_range_overlaps: int = 20
    max_range_reversals: int = 20
    force_type: str | None = None  # ForceType, lower case; "none" undoes an outer one
    input_filters: tuple[str, ...] = ()  # SetInputFilter
    output_filters: tuple[str, ...] = ()  # SetOutputFilter
    default_charset: str | None = None  # what AddDefaultCharset adds to text/plain and text/html
    content_digest: bool = False
    read_buffer_size: int = 0  # bytes; 0: the built-in size
    server_signature: str = "off"  # off, on, email
    hostname_lookups: str = "off"  # off, on, double
    qualify_redirect_url: bool = False
    use_canonical_name: str = "off"  # off, on, dns
    use_canonical_phys_port: bool = False
    override: Overriding | None = None  # AllowOverride; None: nothing is allowed, and .htaccess files are looked for
    override_options: Option | None = None  # what it lets `Options` name; None: everything
    override_list: frozenset[str] | None = None  # AllowOverrideList, lower case
