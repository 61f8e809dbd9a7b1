"""The core's directives about requests: what a request may look like, which host it is for, how it is named."""

from __future__ import annotations

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.config.directive import GLOBAL, RSRC, SECTIONS, Args, Context, Directive, Setting, SettingError
from pyhttpd.server.arguments import choice, on_or_off

HTTP_1 = "http/1.1"

_OPTIONS = {  # word -> field, value, the other word
    "allow0.9": ("http_09", True),
    "require1.0": ("http_09", False),
    "strict": ("http_strict", True),
    "unsafe": ("http_strict", False),
    "registeredmethods": ("http_registered_only", True),
    "lenientmethods": ("http_registered_only", False),
}
_OPTION_WORDS = ("Unsafe", "Strict", "RegisteredMethods", "LenientMethods", "Require1.0", "Allow0.9")
_EXCLUSIVE = {
    "http_09": "'Allow0.9' and 'Require1.0'",
    "http_strict": "'Strict' and 'Unsafe'",
    "http_registered_only": "'RegisteredMethods' and 'LenientMethods'",
}


def _http_protocol_options(setting: Setting, *words: str) -> None:
    for word in words:
        if word.lower() not in _OPTIONS:
            raise SettingError(
                "HttpProtocolOptions accepts 'Unsafe' or 'Strict' (default), 'RegisteredMethods' or "
                "'LenientMethods' (default), and 'Require1.0' or 'Allow0.9' (default)",
                wrong=word, choices=_OPTION_WORDS,
            )  # fmt: skip
        field, value = _OPTIONS[word.lower()]
        if setting.get(field, value) is not value:
            raise SettingError(f"HttpProtocolOptions {_EXCLUSIVE[field]} are mutually exclusive", wrong=word)
        setting.set(field, value)


def _server_path(setting: Setting, path: str) -> None:
    """Virtual hosts do not inherit the main server's."""
    setting.set("server_path" if Context.VHOST in setting.context else "main_server_path", path)


def _protocols(setting: Setting, *names: str) -> None:
    """http/1.1 is what is spoken, whatever is listed, as by an Apache without the modules for the others."""
    for name in names:
        setting.add("protocols", name)
    others = [name for name in names if name != HTTP_1]
    if others:
        setting.warn(
            f"Protocols: {', '.join(others)} is not there: clients are answered in {HTTP_1}, nothing else is offered",
            "PH00330", wrong=others[0], choices=(HTTP_1,),
        )  # fmt: skip


def _protocol(setting: Setting, name: str) -> None:
    """What the clients of a listener speak, if its Listen line does not say it."""
    protocol = name.lower()
    if protocol != "http":
        message = f"Protocol {protocol}: nothing speaks {protocol} here, clients are answered in plain HTTP"
        setting.warn(message, "PH00331", wrong=name)


def _port(setting: Setting, _: str) -> None:
    raise SettingError(setting.row.help)


PROTOCOL_DIRECTIVES = (
    Directive("Protocol", Args.take(str), RSRC, "Set the Protocol for httpd to use.", apply=_protocol),
    Directive("Port", Args.take(str), RSRC, "Port was replaced with Listen in Apache 2.0", apply=_port),
    Directive(
        "HttpProtocolOptions", Args.iterate(str), RSRC,
        "'Allow0.9' or 'Require1.0' (default); 'RegisteredMethods' or 'LenientMethods' (default); "
        "'Unsafe' or 'Strict' (default). Sets HTTP acceptance rules",
        into=CoreServer, apply=_http_protocol_options,
    ),
    Directive(
        "RegisterHttpMethod", Args.iterate(str), GLOBAL, "Registers non-standard HTTP methods",
        into=CoreServer, adds="registered_methods",
    ),
    Directive(
        "TraceEnable",
        Args.take(choice("TraceEnable must be one of 'on', 'off', or 'extended'", "on", "off", "extended")), RSRC,
        "'on' (default), 'off' or 'extended' to trace request body content",
        into=CoreServer, sets="trace",
    ),
    Directive(
        "MergeTrailers", Args.flag(), RSRC, "merge request trailers into request headers or not",
        into=CoreServer, sets="merge_trailers",
    ),
    Directive(
        "StrictHostCheck", Args.flag(), RSRC, "Controls whether a hostname match is required",
        into=CoreServer, sets="strict_host_check",
    ),
    Directive(
        "ServerPath", Args.take(str), RSRC, "The pathname the server can be reached at",
        into=CoreServer, apply=_server_path,
    ),
    Directive(
        "UseCanonicalName", Args.take(choice("parameter must be 'on', 'off', or 'dns'", "on", "off", "dns")),
        RSRC | SECTIONS, "How to work out the ServerName : Port when constructing URLs",
        into=CoreDir, sets="use_canonical_name",
    ),
    Directive(
        "UseCanonicalPhysicalPort", Args.take(on_or_off()), RSRC | SECTIONS,
        "Whether to use the physical Port when constructing URLs",
        into=CoreDir, sets="use_canonical_phys_port",
    ),
    Directive("Protocols", Args.iterate(str), RSRC, "Controls which protocols are allowed",
              into=CoreServer, apply=_protocols),
    Directive(
        "ProtocolsHonorOrder", Args.take(on_or_off("ProtocolsHonorOrder must be 'on' or 'off'")), RSRC,
        "'off' (default) or 'on' to respect given order of protocols, by default the client specified order determines "
        "selection",
        into=CoreServer, sets="protocols_honor_order",
    ),
    Directive(
        "AnswerMemo", Args.flag(), GLOBAL,
        "Off makes every answer anew; On (default) sends one that was given twice again while its files are unchanged",
        into=CoreServer, sets="answer_memo",
    ),
    Directive(
        "HeadMemo", Args.flag(), GLOBAL,
        "Off reads every line of a request's head anew; On (default) remembers those that came twice",
        into=CoreServer, sets="head_memo",
    ),
)  # fmt: skip
