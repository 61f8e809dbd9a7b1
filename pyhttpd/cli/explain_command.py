"""The command line of `pyhttpd explain URL`."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import re
import sys
from typing import NoReturn
from urllib.parse import urlsplit

from pyhttpd import boot
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.module import PrepareError
from pyhttpd.api.unixd import UnixdConfig
from pyhttpd.cli import messages
from pyhttpd.cli.explain import document
from pyhttpd.cli.explain_text import text
from pyhttpd.cli.places import locate
from pyhttpd.cli.rehearsal import rehearse
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.trace import Trace
from pyhttpd.util.collector import collector_paused

PROGRAM = "pyhttpd explain"

_WITH_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """As everywhere in this program: the mistake, the usage, and status 1."""
        sys.stderr.write(f"{PROGRAM}: {message}\n{self.format_usage()}")
        raise SystemExit(1)


def parser() -> Parser:
    made = Parser(
        prog=PROGRAM,
        description="Say what the configuration makes of a request: the virtual host, the sections in merge order, "
        "the directives that hold and where they stand, who may have it, the handler and the file. "
        "No server is asked, none is started.",
    )
    made.add_argument("url", metavar="URL", help="http://host:port/path?query, or only the path")
    made.add_argument("--host", metavar="NAME", help="the Host field, if it is another than the URL's")
    made.add_argument("--method", default="GET", help="GET, unless another is given")
    made.add_argument(
        "--header", action="append", default=[], metavar="'NAME: VALUE'", help="one more field; repeatable"
    )
    made.add_argument("--client", default="127.0.0.1", metavar="ADDRESS", help="whom the request comes from")
    made.add_argument("--address", metavar="ADDRESS", help="the server's address that it comes to")
    made.add_argument("--format", choices=("text", "json"), default="text")
    made.add_argument("-f", dest="file", help="as of pyhttpd: the configuration file")
    made.add_argument("-d", dest="directory", help="as of pyhttpd: the initial ServerRoot")
    made.add_argument("-D", dest="defines", action="append", default=[], metavar="NAME", help="as of pyhttpd")
    made.add_argument("-C", dest="before", action="append", default=[], metavar="DIRECTIVE", help="as of pyhttpd")
    made.add_argument("-c", dest="after", action="append", default=[], metavar="DIRECTIVE", help="as of pyhttpd")
    return made


def main(words: list[str]) -> int:
    """Exit status 0: it could be said, whatever the answer; 1: the configuration or the command line is wrong."""
    with collector_paused():
        return explain(words)


def explain(words: list[str]) -> int:
    arguments = parser()
    given = arguments.parse_args(words)
    place = locate(given.file, given.directory)
    reading = ReadOptions(
        place.config_file, place.server_root, tuple(given.defines), tuple(given.before), tuple(given.after)
    )
    trace = Trace()
    try:
        configuration = boot.read_here(reading, skip_document_root_check=True, trace=trace)
    except ConfigurationError as error:
        messages.show(error.diagnostics, None)
        return 1
    try:
        head, local = request_head(given, configuration)
        client = str(ipaddress.ip_address(given.client))
    except ValueError as error:
        arguments.error(str(error))
    try:
        rehearsal = rehearse(configuration, trace, head, local, (client, 49152))
    except PrepareError as error:
        sys.stderr.write(f"{error.number}: {PROGRAM}: {error}\n")
        return 1
    root = configuration.main.config(UnixdConfig).chroot_dir
    if root is not None:
        sys.stderr.write(f"{PROGRAM}: files were looked for outside of {root}, the ChrootDir of the children\n")
    found = document(rehearsal, trace)
    if given.format == "json":
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=True) + "\n")
    else:
        sys.stdout.write(text(found, colour=is_colourful()))
    return 0


def is_colourful() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")


def request_head(given: argparse.Namespace, configuration: Configuration) -> tuple[bytes, tuple[str, int]]:
    """The bytes that a client would send, and the address that it would send them to. Raises ValueError."""
    url = given.url if _WITH_SCHEME.match(given.url) or given.url[:1] in ("/", "*") else f"http://{given.url}"
    parts = urlsplit(url)
    if parts.scheme not in ("", "http", "https"):
        raise ValueError(f"a URL of http is wanted, not {parts.scheme}:")
    listens = configuration.mpm.listens
    default = 443 if parts.scheme == "https" else 80 if parts.scheme else (listens[0].port if listens else 80)
    port = parts.port if parts.port is not None else default
    target = url.partition("://")[2] if parts.scheme else url
    target = target[len(parts.netloc) :] if parts.scheme else target
    target = target.partition("#")[0] or "/"
    if target.startswith("?"):
        target = f"/{target}"
    if any(character in target for character in " \r\n"):
        target = "".join(f"%{ord(c):02X}" if c in " \r\n" else c for c in target)
    name = given.host or parts.netloc.rpartition("@")[2] or _name_of_main(configuration, port)
    fields = [] if any(header.lower().startswith("host:") for header in given.header) else [f"Host: {name}"]
    for header in given.header:
        if ":" not in header:
            raise ValueError(f"--header takes 'Name: value', not '{header}'")
        fields.append(header)
    if any("\r" in field or "\n" in field for field in (*fields, given.method)):
        raise ValueError("a field is one line")
    lines = [f"{given.method} {target} HTTP/1.1", *fields]
    head = "".join(f"{line}\r\n" for line in lines) + "\r\n"
    return head.encode("utf-8", "surrogateescape"), (_local_address(given, parts.hostname, port, configuration), port)


def _name_of_main(configuration: Configuration, port: int) -> str:
    name = configuration.main.config(CoreServer).server_name or configuration.local_name
    return name if port == 80 else f"{name}:{port}"


def _local_address(given: argparse.Namespace, host: str | None, port: int, configuration: Configuration) -> str:
    """--address; an address in the URL; that of the Listen line for the port; no name is looked up."""
    if given.address is not None:
        return str(ipaddress.ip_address(given.address.strip("[]")))
    candidates = [host, *(listen.host for listen in configuration.mpm.listens if listen.port == port)]
    for candidate in candidates:
        try:
            return str(ipaddress.ip_address((candidate or "").strip("[]")))
        except ValueError:
            continue
    return "127.0.0.1"
