"""`?prometheus`: the counters in Prometheus' text format, or as OpenMetrics for who asks for that.

Nothing that a client has sent is in them: label values are the server's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pyhttpd.modules.status_facts import Facts

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

STATES = {
    "_": "waiting", "S": "starting", "R": "reading", "W": "sending", "K": "keepalive", "D": "dns", "C": "closing",
    "L": "logging", "G": "graceful", "I": "idle_cleanup", ".": "open",
}  # fmt: skip
_ESCAPES = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n"}


class Metric(NamedTuple):
    """`values` by their labels, written as in `state="busy"`; "" is a metric without any. Counters end in _total."""

    name: str
    kind: str  # counter or gauge
    help: str
    values: Mapping[str, float]


def wants_open_metrics(accept: str) -> bool:
    """Whether an Accept field names OpenMetrics, as Prometheus itself does."""
    for item in accept.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if name == "application/openmetrics-text":
            return not any(p.startswith("q=") and not p[2:].strip("0.") for p in parameters)
    return False


def as_metrics(facts: Facts, *, open_metrics: bool) -> str:
    out: list[str] = []
    for metric in _metrics(facts):
        # OpenMetrics calls a family of counters by its name without the ending that its samples have.
        family = metric.name.removesuffix("_total") if open_metrics else metric.name
        out.append(f"# HELP {family} {metric.help}\n# TYPE {family} {metric.kind}\n")
        out += [
            f"{metric.name}{f'{{{labels}}}' if labels else ''} {_number(value)}\n"
            for labels, value in metric.values.items()
        ]
    if open_metrics:
        out.append("# EOF\n")
    return "".join(out)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(round(value, 6))


def _label(name: str, value: str) -> str:
    return f'{name}="{value.translate(_ESCAPES)}"'


def _metrics(facts: Facts) -> Iterator[Metric]:
    yield from _server(facts)
    if facts.extended:
        yield from _totals(facts)
    yield from _pool(facts)
    yield from _events(facts)


# fmt: off
def _server(facts: Facts) -> Iterator[Metric]:
    build = ",".join((_label("version", facts.version), _label("mpm", facts.mpm), _label("built", facts.built)))
    yield Metric("pyhttpd_build_info", "gauge", "What serves; always 1.", {build: 1})
    yield Metric("pyhttpd_start_time_seconds", "gauge", "When the master started, since the epoch.",
                 {"": facts.started})
    yield Metric("pyhttpd_restart_time_seconds", "gauge", "When the running generation was taken, since the epoch.",
                 {"": facts.restarted})
    yield Metric("pyhttpd_config_generation", "gauge", "How often a configuration was taken.",
                 {"": facts.config_generation})
    yield Metric("pyhttpd_generation", "gauge", "Number of the running generation.", {"": facts.generation})
    loads = zip((1, 5, 15), facts.load, strict=True)
    yield Metric("pyhttpd_load_average", "gauge", "Load average of the machine.",
                 {f'minutes="{minutes}"': load for minutes, load in loads})


def _totals(facts: Facts) -> Iterator[Metric]:
    user, system, gone_user, gone_system = facts.cpu
    yield Metric("pyhttpd_requests_total", "counter", "Requests answered.", {"": facts.accesses})
    yield Metric("pyhttpd_sent_bytes_total", "counter", "Bytes sent, heads included.", {"": facts.bytes})
    yield Metric("pyhttpd_request_duration_seconds_total", "counter", "Time that requests took, summed up.",
                 {"": facts.duration_ms / 1000})
    yield Metric("pyhttpd_cpu_seconds_total", "counter", "Processor time of all children, those that are gone too.",
                 {'mode="user"': user + gone_user, 'mode="system"': system + gone_system})


def _pool(facts: Facts) -> Iterator[Metric]:
    limits = facts.limits
    stopping = sum(process.stopping for process in facts.processes)
    yield Metric("pyhttpd_workers", "gauge", "Workers by what they do, as server-status counts them.",
                 {'state="busy"': facts.busy, 'state="graceful"': facts.graceful, 'state="idle"': facts.idle})
    yield Metric("pyhttpd_slots", "gauge", "Slots of the scoreboard by their letter.",
                 {f'state="{state}"': facts.scoreboard.count(letter) for letter, state in STATES.items()})
    yield Metric("pyhttpd_processes", "gauge", "Children.",
                 {'state="serving"': len(facts.processes) - stopping, 'state="stopping"': stopping})
    yield Metric("pyhttpd_connections", "gauge", "Connections that are open.",
                 {"": sum(process.connections for process in facts.processes)})
    yield Metric("pyhttpd_max_request_workers", "gauge", "MaxRequestWorkers.", {"": limits.max_workers})
    yield Metric("pyhttpd_server_limit", "gauge", "ServerLimit.", {"": limits.server_limit})
    yield Metric("pyhttpd_threads_per_child", "gauge", "ThreadsPerChild; 1 for prefork.", {"": limits.threads})
    yield Metric("pyhttpd_min_spare_workers", "gauge", f"MinSpare{facts.spare_name}.", {"": limits.min_spare})
    yield Metric("pyhttpd_max_spare_workers", "gauge", f"MaxSpare{facts.spare_name}.",
                 {"": limits.max_spare})


def _events(facts: Facts) -> Iterator[Metric]:
    yield Metric("pyhttpd_saturations_total", "counter", "How often more workers were wanted than there may be.",
                 {"": facts.saturations})
    yield Metric("pyhttpd_saturated_seconds_total", "counter", "How long that was, once it has ended.",
                 {"": facts.saturated_seconds})
    yield Metric("pyhttpd_saturated", "gauge", "1 while more workers are wanted than there may be.",
                 {"": int(bool(facts.saturated_since))})
    yield Metric("pyhttpd_accept_queue_peak_connections", "gauge",
                 "The most connections that ever waited in such a time.", {"": facts.accept_queue_peak})
    yield Metric("pyhttpd_failed_reloads_total", "counter", "Configurations that were not taken.",
                 {"": facts.failed_reloads})
    yield Metric("pyhttpd_config_refused", "gauge", "1 while the configuration on the disk is not the one that runs.",
                 {"": int(facts.refusal is not None)})
# fmt: on
