"""The request: what has been read, what has been found out, and what will be answered. Every phase works on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pyhttpd.api.body import Body
from pyhttpd.api.core_config import CoreDir
from pyhttpd.api.log import ErrorLog, Level
from pyhttpd.api.recording import Look, Recording
from pyhttpd.http.headers import Headers
from pyhttpd.util.lookup import belongs, host_name

if TYPE_CHECKING:
    from pyhttpd.api.filters import Filter
    from pyhttpd.api.module import Module
    from pyhttpd.config.configuration import Configuration, ServerRecord
    from pyhttpd.config.sections import PerDir
    from pyhttpd.scoreboard import Scoreboard, Slot

T = TypeVar("T")

DIRECTORY_TYPE = "httpd/unix-directory"
"""Content type, and then handler, of a directory that nobody has taken over."""


class ConnectionInfo(Protocol):
    """What a module may know of the connection."""

    local_ip: str
    local_port: int
    keep_alive: bool  # whether the connection stays open after this answer: %X
    aborted: bool  # the client went away while it was answered
    bytes_in: int  # of this request, head and body: %I
    bytes_out: int  # of this request, head and body: %O
    slot: Slot
    kept: int  # answers after which the connection stayed open: %k of ErrorLogFormat
    log_id: str | None  # given when the error log says something of it first: %{c}L
    client_name: str | None  # what HostnameLookups found, "" for nothing; None: not looked up yet
    local_name: str | None  # of local_ip, likewise, where UseCanonicalName is DNS

    @property
    def client_ip(self) -> str: ...
    @property
    def client_port(self) -> int: ...
    @property
    def number(self) -> int:
        """Counts the connections of this child."""

    @property
    def requests(self) -> int:
        """Answered on this connection so far: %k."""


class Services(Protocol):
    """What the server offers to a module, filled in by boot."""

    configuration: Configuration
    scoreboard: Scoreboard
    error_log: ErrorLog
    default_name: str  # of servers without a ServerName

    @property
    def modules(self) -> Sequence[Module]:
        """Those that are loaded, in their order."""

    def providers(self, group: str) -> Mapping[str, Any]:
        """What the loaded modules offer under `group`, by name."""

    def resource(self, key: Any) -> Any:
        """What a module's `prepare` kept under this key."""

    def internal_redirect(self, request: Request, uri: str) -> int:
        """Answer `request` with what `uri` (path and query) gives. Returns what a handler returns."""

    def lookup_uri(self, request: Request, uri: str) -> Request:
        """A subrequest for `uri`, run up to the fixups, not answered. Its `status` tells what it would be."""

    def lookup_file(self, request: Request, path: str) -> Request:
        """The same for a file's name, in the request's directory if it is not absolute."""

    def lookup_entry(self, request: Request, name: str, *, is_directory: bool) -> Request:
        """The same for a name that stands in the directory that `request` is for."""

    def run_subrequest(self, found: Request) -> int:
        """Run the handler of what a lookup has found. OK: its body is `found.content`, its fields are not sent."""

    def discard_body(self, request: Request) -> int:
        """Read the body that nobody wants to its end. OK, or the status of what was wrong with it."""

    def set_validators(self, request: Request, fd: int, finfo: os.stat_result) -> None:
        """Last-Modified and ETag of a file, as FileETag wants it. `fd` is read for a digest; -1 if there is none."""


class RequestBody(Protocol):
    """The request's body, read on demand."""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes (-1: all); b"" at the end. Raises BodyError where it is malformed or late."""

    def skip(self, size: int) -> int:
        """Read at most `size` bytes that nobody wants; how many they were, 0 at the end. Raises BodyError as `read`
        does, and sooner where others wait for this client's slot."""


class Request:
    """One request.

    Text from the wire is latin-1 `str`, so that every byte survives; `uri` and `filename` are decoded with
    surrogateescape, as Python's file functions expect.
    """

    # What most requests leave as it is stands in the class: a request has half a hundred attributes.

    # the request line
    _request_line = ""
    method = "GET"
    _target = "/"
    protocol = "HTTP/1.1"  # of the client
    version = (1, 1)
    header_only = False  # HEAD

    # the URL in its parts
    hostname: str | None = None  # of Host or an absolute target, lower case, no port
    port: int | None = None
    uri = "/"  # the path, unescaped and normalised
    _args: str | None = None

    # what it maps to
    filename: str | None = None
    canonical_filename: str | None = None
    finfo: os.stat_result | None = None  # None: there is no such file
    path_info = ""
    context_prefix = ""  # of the Alias that led here
    context_document_root: str | None = None  # the Alias's directory; None: DocumentRoot
    handler: str | None = None
    user: str | None = None
    auth_type: str | None = None

    # fields and variables
    content_type: str | None = None
    content_encoding: str | None = None

    # the answer
    status = 200
    status_line: str | None = None  # replaces "200 OK"
    content: Body | None = None  # what a handler gives; None is no body
    content_length: int | None = None  # None: not known, so chunked or up to the end of the connection
    body: RequestBody | None = None
    output_filters: tuple[Filter, ...] = ()  # that it goes through, in their order: api.filters adds to them
    input_filters: tuple[Filter, ...] = ()  # of its body; the first stands next to the handler
    proxied = False  # what is answered comes from another server
    no_cache = False
    bytes_sent = 0  # of the body: %B

    # the family
    prev: Request | None = None  # this one is an internal redirect of
    next: Request | None = None  # was redirected to
    main: Request | None = None  # this one is a subrequest of

    # the time
    arrived = 0.0  # `request_time`, for the server itself, which knows when an answer depends on it
    began = 0.0  # `started`, likewise
    ended = 0.0  # on CLOCK_MONOTONIC, when the first log line was made: all of them say the same
    first_byte = 0.0  # on CLOCK_MONOTONIC, when the answer began, where LogIOTrackTTFB is On: %^FB
    log_id: str | None = None  # given when the error log says something of it first: %L
    recording: Recording | None = None  # while the answer is made, if it may be kept; the family shares it

    def __init__(self, connection: ConnectionInfo, server: ServerRecord, services: Services) -> None:
        self.connection = connection
        self.server = server
        self.services = services
        self.error_log = services.error_log  # its server's own is given to it later
        self.per_dir: PerDir
        self.headers_in = Headers()
        self.headers_out = Headers()
        self.err_headers_out = Headers()  # sent with errors too, and kept over an ErrorDocument
        self.trailers_in = Headers()  # behind a chunked body, once that was read
        self.trailers_out = Headers()
        self.content_languages: list[str] = []
        self.env: dict[str, str] = {}
        self.notes: dict[str, str] = {}
        # called in order just before the head of the answer is made, of errors too, and of the last request of a family
        self.response_hooks: list[Callable[[Request], None]] = []

    @property
    def request_line(self) -> str:
        """As received, without line end: %r."""
        if self.recording is not None:
            self.recording.line_read = True
        return self._request_line

    @request_line.setter
    def request_line(self, line: str) -> None:
        self._request_line = line

    @property
    def target(self) -> str:
        """As received."""
        if self.recording is not None:
            self.recording.line_read = True
        return self._target

    @target.setter
    def target(self, target: str) -> None:
        self._target = target

    @property
    def args(self) -> str | None:
        """The query: after the question mark, raw."""
        if self.recording is not None:
            self.recording.query_read = True
        return self._args

    @args.setter
    def args(self, query: str | None) -> None:
        self._args = query

    @property
    def request_time(self) -> float:
        """Seconds since the epoch, when the head began to arrive."""
        self.do_not_keep()
        return self.arrived

    @property
    def started(self) -> float:
        """The same on CLOCK_MONOTONIC."""
        self.do_not_keep()
        return self.began

    def do_not_keep(self) -> None:
        """The answer depends on something that is not recorded, so an equal request may have another one."""
        if self.recording is not None:
            self.recording.spoil()

    def config(self, config_class: type[T]) -> T:
        """A module's per-directory configuration for this request, merged."""
        return self.per_dir.config(config_class)

    def server_config(self, config_class: type[T]) -> T:
        """A module's per-server configuration."""
        return self.server.config(config_class)

    def become(self, other: Request) -> None:
        """Go on as what a subrequest found (Apache's fast internal redirect): mod_dir's index file."""
        self.per_dir = other.per_dir
        self.uri, self._args, self.path_info = other.uri, other._args, other.path_info
        self.filename, self.canonical_filename, self.finfo = other.filename, other.canonical_filename, other.finfo
        self.handler = other.handler
        self.content_type, self.content_encoding = other.content_type, other.content_encoding
        self.content_languages = other.content_languages
        self.headers_out = Headers((*other.headers_out, *self.headers_out))
        self.err_headers_out = Headers((*other.err_headers_out, *self.err_headers_out))
        self.env.update(other.env)
        self.notes.update(other.notes)
        self.output_filters, self.input_filters = other.output_filters, other.input_filters

    def remote_host(self) -> str:
        """The client's name where HostnameLookups asks for it and there is one, else its address: %h."""
        connection = self.connection
        lookups = self.config(CoreDir).hostname_lookups
        if connection.client_name is None and lookups != "off":
            connection.client_name = host_name(connection.client_ip, double=lookups == "double") or ""
        return connection.client_name or connection.client_ip

    def verified_host(self) -> str | None:
        """The client's name, if it has one and that has the client's address, whatever HostnameLookups says."""
        self.do_not_keep()
        connection = self.connection
        lookups = self.config(CoreDir).hostname_lookups
        name = connection.client_name
        if name is None:
            name = connection.client_name = host_name(connection.client_ip, double=lookups == "double") or ""
        return name if name and belongs(name, connection.client_ip) else None

    def stat(self, path: str) -> os.stat_result | None:
        """os.stat; None where there is no such file. Inputs are read through Request so that they can be recorded."""
        try:
            return self._look(os.stat, path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _look(self, look: Look, path: str) -> os.stat_result:
        recording = self.recording
        if recording is None:
            return look(path)
        try:
            seen = look(path)
        except OSError as error:
            recording.looked(look, path, error)
            raise
        recording.looked(look, path, seen)
        return seen

    def open(self, path: str) -> int:
        """A descriptor to read a regular file. The caller closes it. Raises OSError."""
        recording = self.recording
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            if recording is not None:
                recording.failed_to_open(path)
            raise
        if recording is not None:
            recording.opened(path, fd)
        return fd

    @property
    def original(self) -> Request:
        """The request as the client sent it, before any internal redirect."""
        request = self
        while request.prev is not None:
            request = request.prev
        return request

    @property
    def final(self) -> Request:
        """The request that was answered in the end."""
        request = self
        while request.next is not None:
            request = request.next
        return request

    def wants(self, level: Level, module: str) -> bool:
        """Whether LogLevel wants such a line: for those whose text costs something."""
        return self.config(CoreDir).log_levels.wants(level, module)

    def log(self, level: Level, module: str, number: str | None, message: str, *, errno: int | None = None) -> None:
        """A line in the error log of this request's server, with the client's address, if this directory's LogLevel
        wants it."""
        levels = self.config(CoreDir).log_levels
        if self.recording is not None and levels.wants(level, module):
            self.recording.spoil()
        self.error_log.log(level, module, number, message, errno=errno, levels=levels, request=self)


class BodyError(Exception):
    """The request's body cannot be read. `status` is what the client gets (400, 408, 413), None if it is gone."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status
