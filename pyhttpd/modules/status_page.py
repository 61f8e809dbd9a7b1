"""The status page: Apache's texts in Apache's order, and between them what it has no words for. Pure.

What stands in an element with `data-live` is what the script takes over from a newer page.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from pyhttpd.modules import status_tables as tables
from pyhttpd.modules.status_facts import Facts
from pyhttpd.modules.status_lines import clock, general, kilobytes, size, span
from pyhttpd.modules.status_style import SCRIPT_KEY, STYLE_KEY
from pyhttpd.scoreboard import Event, EventView
from pyhttpd.util.escape import html

SHOWN_EVENTS = 10

# Why the pool could not grow: what the lines of these numbers say in the error log.
_FULL = {
    "AH00161": "MaxRequestWorkers was reached",
    "AH00286": "MaxRequestWorkers was reached",
    "AH00287": "MaxRequestWorkers was nearly reached",
    "AH00288": "children that were going away held the room for new ones",
    "PH00213": "children that were going away held the room for new ones",
}
_KIND = {
    Event.RESTARTED: "restart, generation {value} serves",
    Event.RELOADED: "graceful restart, generation {value} serves",
    Event.REFUSED: "a configuration was refused, generation {value} serves on",
    Event.KILLED: "a child was ended by signal {value}",
}


def page(facts: Facts, *, table: bool, live: bool, more: Sequence[str] = (), signature: str = "") -> str:
    """The page, with the table of slots or, for what cannot show tables, with a list of them. `live` is whether it
    brings the script; `more` is what other modules have to say, as HTML."""
    script = f'<script src="?script={SCRIPT_KEY}" defer></script>\n' if live else ""
    out = [
        '<!DOCTYPE html>\n<html lang="en"><head>\n<title>Apache Status</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="stylesheet" href="?style={STYLE_KEY}">\n{script}</head><body>\n'
        f"<header><h1>Apache Server Status for {html(facts.name)} (via {html(facts.address)})</h1>\n\n"
        f"<dl>{_fact('Server Version', facts.version)}{_fact('Server MPM', facts.mpm)}"
        f"{_fact('Server Built', facts.built)}</dl></header><hr>\n",
        _alerts(facts),
        _cards(facts),
        '<div class="pair"><div class="card"><h2>Server</h2>\n<dl id="facts" data-live>\n'
        f"{_fact('Current Time', clock(facts.now))}"
        f"{_fact('Restart Time', clock(facts.restarted))}"
        f"{_fact('Parent Server Config. Generation', facts.config_generation)}"
        f"{_fact('Parent Server MPM Generation', facts.generation)}"
        f"{_fact('Server uptime', span(facts.uptime))}"
        f"{_fact('Server load', ' '.join(f'{load:.2f}' for load in facts.load))}"
        f"{_totals(facts) if facts.extended else ''}"
        f"<dt>{facts.busy} requests currently being processed, {facts.graceful} workers gracefully restarting, "
        f"{facts.idle} idle workers</dt>\n</dl></div>\n",
        _events(facts),
        "</div>\n",
        tables.board(facts),
        tables.processes(facts) if table else tables.process_list(facts),
    ]
    if not facts.extended:
        out.append(
            f'<div class="card">{tables.pid_key(facts)}'
            '<hr><p class="quiet">To obtain a full report with current status information you need to use the '
            "<code>ExtendedStatus On</code> directive.</p>\n</div>\n"
        )
    elif table:
        out.append(tables.slots(facts))
    else:
        out.append(tables.slot_list(facts))
    out += more
    out.append(
        '<footer><p>As data: <a href="?auto">auto</a> <a href="?json">json</a> <a href="?prometheus">prometheus</a> '
        f'Without tables: <a href="?notable">notable</a></p>\n{f"<hr>{signature}" if signature else ""}</footer>\n'
        "</body></html>\n"
    )
    return "".join(out)


def _fact(name: str, value: str | int) -> str:
    return f"<dt><span>{name}:</span> {html(str(value))}</dt>\n"


def _totals(facts: Facts) -> str:
    user, system, gone_user, gone_system = map(general, facts.cpu)
    load = "" if facts.cpu_load is None else f" - {general(facts.cpu_load, 3)}% CPU load"
    rates: list[str] = []
    if facts.uptime:
        rates.append(f"{general(facts.accesses / facts.uptime, 3)} requests/sec")
        rates.append(f"{size(1024 * facts.kilobytes // facts.uptime)}/second")
    if facts.accesses:
        rates.append(f"{size(1024 * facts.kilobytes // facts.accesses)}/request")
        rates.append(f"{general(facts.duration_ms / facts.accesses)} ms/request")
    return (
        f"<dt><span>Total accesses:</span> {facts.accesses} - Total Traffic: {kilobytes(facts.kilobytes)}"
        f" - Total Duration: {facts.duration_ms}</dt>\n"
        f"<dt><span>CPU Usage:</span> u{user} s{system} cu{gone_user} cs{gone_system}{load}</dt>\n"
        f"<dt>{' - '.join(rates)}</dt>\n"
    )


# -- what Apache has no words for


def _alerts(facts: Facts) -> str:
    """What somebody should do something about."""
    out = ['<div id="alerts" data-live>\n']
    if facts.refusal is not None:
        when, why = facts.refusal
        out.append(
            '<div class="alert bad"><p><b>The configuration on the disk is not the one that runs</b>: '
            f"its reload failed on {clock(when)}, generation {facts.generation} serves on</p>\n"
            f"<pre>{html(why)}</pre></div>\n"
        )
    if facts.saturated_since:
        out.append(
            f'<div class="alert warn"><p><b>The server is full</b> since {clock(facts.saturated_since)}: '
            f"{_FULL.get(facts.saturated_by, 'more workers are wanted than there may be')} ({facts.saturated_by}), "
            f"{facts.busy} of {facts.limits.max_workers} workers are busy</p></div>\n"
        )
    out.append("</div>\n")
    return "".join(out)


def _cards(facts: Facts) -> str:
    return (
        f'<div class="cards{"" if facts.extended else " two"}" id="now" data-live>\n'
        f"{_rate_cards(facts) if facts.extended else ''}{_workers(facts)}</div>\n"
    )


def rate(value: float) -> str:
    """A number of three figures or more: 0, 0.42, 12.3, 4567."""
    return f"{value:.0f}" if value >= 100 or value == 0 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _rate_cards(facts: Facts) -> str:
    present, history = facts.present, facts.history
    uptime = max(1, facts.uptime)
    requests, sent = ("-", "-") if present is None else (rate(present[0]), size(int(present[1])))
    return (
        f'<div><h2>Requests</h2><p class="big">{requests} <small>/ second now</small></p>\n'
        f'<p class="quiet">average {rate(facts.accesses / uptime)}, {facts.accesses} in all</p>\n'
        f"{_spark([row[1] for row in history], 'requests')}</div>\n"
        f'<div><h2>Traffic</h2><p class="big">{sent} <small>/ second now</small></p>\n'
        f'<p class="quiet">average {size(facts.bytes // uptime)}, {size(facts.bytes)} in all</p>\n'
        f"{_spark([row[2] for row in history], 'bytes')}</div>\n"
    )


def _drawing(name: str, height: int, across: int, down: int, label: str) -> str:
    """The beginning of one. Its size is for those without the style."""
    return (
        f'<svg class="{name}" width="240" height="{height}" viewBox="0 0 {across} {down}" preserveAspectRatio="none" '
        f'role="img" aria-label="{label}">'
    )


def _spark(values: list[float], what: str) -> str:
    """The last minute as a line."""
    if len(values) < 2:
        return ""
    highest = max(values)
    steps = [f"{x} {30 - 30 * value / (highest or 1):.1f}" for x, value in enumerate(values)]
    label = f"{what} a second in the last {len(values)} seconds: at most {rate(highest)}"
    return (
        f"{_drawing('spark', 44, len(values) - 1, 30, label)}"
        f'<path d="M0 30L{"L".join(steps)}L{len(values) - 1} 30Z"/></svg>\n'
    )


def _workers(facts: Facts) -> str:
    limits, most = facts.limits, facts.limits.max_workers
    unit = facts.spare_name
    parts = (("W", facts.busy), ("G", facts.graceful), ("r", facts.idle))
    at, bars = 0, []
    for name, count in parts:
        bars.append(f'<rect class="{name}" x="{at}" width="{count}" height="1"/>')
        at += count
    label = f"{facts.busy} busy, {facts.graceful} graceful, {facts.idle} idle"
    stopping = sum(process.stopping for process in facts.processes)
    lines = [
        f"Busy <b>{facts.busy}</b> of MaxRequestWorkers {most}",
        f"Idle <b>{facts.idle}</b>, kept between MinSpare{unit} {limits.min_spare} and MaxSpare{unit} "
        f"{limits.max_spare}{_band(facts.idle, limits.min_spare, limits.max_spare)}",
        f"Processes <b>{len(facts.processes)}</b>{f', {stopping} of them stopping' if stopping else ''}, at most "
        f"{limits.children} (ServerLimit {limits.server_limit})"
        f"{_band(len(facts.processes), 0, limits.children)}",
    ]
    if limits.thread_limit > 1 or limits.threads > 1:
        lines.append(f"ThreadsPerChild <b>{limits.threads}</b> (ThreadLimit {limits.thread_limit})")
    if facts.max_connections:
        lines.append(f"MaxConnectionsPerChild <b>{facts.max_connections}</b>")
    return (
        f'<div><h2>Workers</h2><p class="big">{facts.busy} <small>of {most} busy</small></p>\n'
        f"{_drawing('bar', 12, max(most, at, 1), 1, label)}{''.join(bars)}</svg>\n"
        f'<p class="states">{tables.chips(facts.scoreboard)}</p></div>\n'
        f'<div><h2>Pool</h2><ul class="pool">\n{"".join(f"<li>{line}</li>{chr(10)}" for line in lines)}</ul></div>\n'
    )


def _band(value: int, low: int, high: int) -> str:
    """Where a number stands between its bounds."""
    scale = max(high * 6 // 5, value + 1, 10)
    width = max(scale / 120, 0.1)
    return (
        f"{_drawing('band', 8, scale, 1, f'{value}, between {low} and {high}')}"
        f'<rect class="band-in" x="{low}" width="{high - low}" height="1"/>'
        f'<rect class="mark" x="{value}" width="{width:.2f}" height="1"/></svg>'
    )


def _events(facts: Facts) -> str:
    """The last of them, the newest first; what they come to stands in front."""
    out = []
    if facts.saturations:
        now = ", and is now" if facts.saturated_since else ""
        out.append(
            f"The server was full {facts.saturations} time{'' if facts.saturations == 1 else 's'} "
            f"({facts.saturated_in_all:.1f} s in all, at most {facts.accept_queue_peak} connections waiting){now}"
        )
    if facts.failed_reloads:
        out.append(f"Failed reloads: {facts.failed_reloads} (see the error log)")
    summary = "".join(f'<p class="quiet">{line}</p>\n' for line in out)
    items = [(event.at, _event(event)) for event in reversed(facts.events)][:SHOWN_EVENTS]
    if len(facts.events) < SHOWN_EVENTS:
        items.append((facts.started, "start"))
    listed = "".join(f"<li><time>{_moment(at, facts.now)}</time> {text}</li>\n" for at, text in items)
    return (
        '<div class="card events"><h2>Events</h2>\n<div id="events" data-live>'
        f"{summary}<ol>\n{listed}</ol></div></div>\n"
    )


def _event(event: EventView) -> str:
    if event.kind is Event.SATURATED:
        why = _FULL.get(event.number, "more workers were wanted than there may be")
        what = f"{why} for {event.seconds:.1f} s, up to {event.value} connections waited"
    else:
        what = _KIND[event.kind].format(value=event.value)
    name = "" if event.kind in (Event.RESTARTED, Event.RELOADED) else "warn" if event.kind is Event.SATURATED else "bad"
    return f'<span class="{name}">{what}</span> ({event.number})' if name else f"{what} ({event.number})"


def _moment(at: float, now: float) -> str:
    """The time, and the day where it is not today's."""
    then = time.localtime(at)
    today = time.localtime(now)[:3] == then[:3]
    return time.strftime("%H:%M:%S" if today else "%d-%b %H:%M:%S", then)
