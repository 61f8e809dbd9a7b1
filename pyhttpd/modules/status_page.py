"""How mod_status writes what it knows: lines for programs, a page with a table, a page without. Pure."""

from __future__ import annotations

import time

from pyhttpd.modules.status_facts import Facts
from pyhttpd.scoreboard import SlotView, Status
from pyhttpd.util.escape import html, log_item

ROW = 64  # slots of the scoreboard in a line
_STATES = {
    Status.READY: "Ready", Status.STARTING: "Starting", Status.BUSY_READ: "<b>Read</b>",
    Status.BUSY_WRITE: "<b>Write</b>", Status.BUSY_KEEPALIVE: "<b>Keepalive</b>", Status.BUSY_LOG: "<b>Logging</b>",
    Status.BUSY_DNS: "<b>DNS lookup</b>", Status.CLOSING: "<b>Closing</b>", Status.DEAD: "Dead",
    Status.GRACEFUL: "Graceful", Status.IDLE_KILL: "Dying",
}  # fmt: skip
_PLAIN = frozenset("_.GI")

_KEY = """</pre>
<p>Scoreboard Key:<br />
"<b><code>_</code></b>" Waiting for Connection,\x20
"<b><code>S</code></b>" Starting up,\x20
"<b><code>R</code></b>" Reading Request,<br />
"<b><code>W</code></b>" Sending Reply,\x20
"<b><code>K</code></b>" Keepalive (read),\x20
"<b><code>D</code></b>" DNS Lookup,<br />
"<b><code>C</code></b>" Closing connection,\x20
"<b><code>L</code></b>" Logging,\x20
"<b><code>G</code></b>" Gracefully finishing,<br />\x20
"<b><code>I</code></b>" Idle cleanup of worker,\x20
"<b><code>.</code></b>" Open slot with no current process<br />
</p>
"""
_TABLE_HEAD = (
    '\n\n<table border="0"><tr><th>Srv</th><th>PID</th><th>Acc</th><th>M</th><th>CPU\n</th><th>SS</th><th>Req</th>'
    "<th>Dur</th><th>Conn</th><th>Child</th><th>Slot</th><th>Client</th><th>Protocol</th><th>VHost</th>"
    "<th>Request</th></tr>\n\n"
)
_LEGEND = """</table>
 <hr /> <table>
 <tr><th>Srv</th><td>Child Server number - generation</td></tr>
 <tr><th>PID</th><td>OS process ID</td></tr>
 <tr><th>Acc</th><td>Number of accesses this connection / this child / this slot</td></tr>
 <tr><th>M</th><td>Mode of operation</td></tr>
<tr><th>CPU</th><td>CPU usage, number of seconds</td></tr>
<tr><th>SS</th><td>Seconds since beginning of most recent request</td></tr>
 <tr><th>Req</th><td>Milliseconds required to process most recent request</td></tr>
 <tr><th>Dur</th><td>Sum of milliseconds required to process all requests</td></tr>
 <tr><th>Conn</th><td>Kilobytes transferred this connection</td></tr>
 <tr><th>Child</th><td>Megabytes transferred this child</td></tr>
 <tr><th>Slot</th><td>Total megabytes transferred this slot</td></tr>
 </table>
"""


def general(value: float, digits: int = 6) -> str:
    """A number as APR's %g prints it: no zero before the point, and no exponent until five zeros would stand behind."""
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{abs(value):.{digits - 1}e}".partition("e")
    figures = mantissa.replace(".", "").rstrip("0")
    point = int(exponent) + 1
    sign = "-" if value < 0 else ""
    if point - len(figures) > 4 or point < -3:
        power = point - 1
        rest = "." + figures[1:] if len(figures) > 1 else "."
        return f"{sign}{figures[0]}{rest}e{'-' if power < 0 else '+'}{abs(power)}"
    if point <= 0:
        return f"{sign}.{'0' * -point}{figures}"
    if len(figures) <= point:
        return sign + figures.ljust(point, "0")
    return f"{sign}{figures[:point]}.{figures[point:]}"


def clock(seconds: float) -> str:
    """`Monday, 23-Nov-2026 13:20:23 UTC`, local time."""
    return time.strftime("%A, %d-%b-%Y %H:%M:%S %Z", time.localtime(seconds))


def span(seconds: int) -> str:
    """` 1 day 2 hours 3 minutes 4 seconds`: a blank before each, nothing for what is zero."""
    minutes, secs = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "day"), (hours, "hour"), (minutes, "minute"), (secs, "second"))
    return "".join(f" {count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)


def size(count: int) -> str:
    """Bytes with a unit, as the page has them."""
    if count < 5 << 10:
        return f"{count} B"
    if count < 1 << 19:
        return f"{count / (1 << 10):.1f} kB"
    if count < 1 << 29:
        return f"{count / (1 << 20):.1f} MB"
    return f"{count / (1 << 30):.1f} GB"


def _kilobytes(count: int) -> str:
    if count < 1 << 10:
        return f"{count} kB"
    if count < 1 << 20:
        return f"{count / (1 << 10):.1f} MB"
    return f"{count / (1 << 20):.1f} GB"


def _cpu_load(facts: Facts) -> float | None:
    total = sum(facts.cpu)
    return total / facts.uptime * 100 if total and facts.uptime else None


def lines(facts: Facts) -> str:
    """`?auto`: names and order are Apache's, to the byte; programs read them."""
    out = [
        facts.name,
        f"ServerVersion: {facts.version}",
        f"ServerMPM: {facts.mpm}",
        f"Server Built: {facts.built}",
        f"CurrentTime: {clock(facts.now)}",
        f"RestartTime: {clock(facts.restarted)}",
        f"ParentServerConfigGeneration: {facts.config_generation}",
        f"ParentServerMPMGeneration: {facts.generation}",
        f"ServerUptimeSeconds: {facts.uptime}",
        f"ServerUptime:{span(facts.uptime)}",
        *(f"Load{minutes}: {load:.2f}" for minutes, load in zip((1, 5, 15), facts.load, strict=True)),
    ]
    if facts.extended:
        out += _extended_lines(facts)
    out += [
        f"BusyWorkers: {facts.busy}",
        f"GracefulWorkers: {facts.graceful}",
        f"IdleWorkers: {facts.idle}",
        f"Scoreboard: {facts.scoreboard}",
    ]
    return "\n".join(out) + "\n"


def _extended_lines(facts: Facts) -> list[str]:
    out = [
        f"Total Accesses: {facts.accesses}",
        f"Total kBytes: {facts.kilobytes}",
        f"Total Duration: {facts.duration_ms}",
    ]
    names = ("CPUUser", "CPUSystem", "CPUChildrenUser", "CPUChildrenSystem")
    out += [f"{name}: {general(value)}" for name, value in zip(names, facts.cpu, strict=True)]
    load = _cpu_load(facts)
    if load is not None:
        out.append(f"CPULoad: {general(load)}")
    out.append(f"Uptime: {facts.uptime}")
    if facts.uptime:
        out.append(f"ReqPerSec: {general(facts.accesses / facts.uptime)}")
        out.append(f"BytesPerSec: {general(1024 * facts.kilobytes / facts.uptime)}")
    if facts.accesses:
        out.append(f"BytesPerReq: {general(1024 * facts.kilobytes / facts.accesses)}")
        out.append(f"DurationPerReq: {general(facts.duration_ms / facts.accesses)}")
    return out


def page(facts: Facts, *, table: bool) -> str:
    """The page, with the table of slots or, for what cannot show tables, with a list of them."""
    out = [
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n'
        "<html><head>\n<title>Apache Status</title>\n</head><body>\n"
        f"<h1>Apache Server Status for {html(facts.name)} (via {html(facts.address)})</h1>\n\n"
        f"<dl><dt>Server Version: {html(facts.version)}</dt>\n"
        f"<dt>Server MPM: {html(facts.mpm)}</dt>\n"
        f"<dt>Server Built: {html(facts.built)}\n</dt></dl><hr /><dl>\n"
        f"<dt>Current Time: {html(clock(facts.now))}</dt>\n"
        f"<dt>Restart Time: {html(clock(facts.restarted))}</dt>\n"
        f"<dt>Parent Server Config. Generation: {facts.config_generation}</dt>\n"
        f"<dt>Parent Server MPM Generation: {facts.generation}</dt>\n"
        f"<dt>Server uptime: {span(facts.uptime)}</dt>\n"
        f"<dt>Server load: {' '.join(f'{load:.2f}' for load in facts.load)}</dt>\n"
    ]
    if facts.extended:
        out.append(_totals(facts))
    out.append(
        f"<dt>{facts.busy} requests currently being processed, {facts.graceful} workers gracefully restarting, "
        f"{facts.idle} idle workers</dt>\n"
    )
    out.append(_events(facts))
    out.append("</dl><pre>")
    board = facts.scoreboard
    for at in range(0, len(board), ROW):
        row = board[at : at + ROW]
        out.append(row + "\n" if len(row) == ROW else row)
    out.append(_KEY)
    if not facts.extended:
        out.append(_pid_key(facts))
        out.append(
            "<hr />To obtain a full report with current status information you need to use the "
            "<code>ExtendedStatus On</code> directive.\n"
        )
    elif table:
        out.append(_TABLE_HEAD)
        out += [_table_row(slot, facts.now) for slot in facts.slots]
        out.append(_LEGEND)
    else:
        out.append("<hr /><h2>Server Details</h2>\n\n")
        out += [_detail(slot, facts.now) for slot in facts.slots]
    out.append("</body></html>\n")
    return "".join(out)


def _totals(facts: Facts) -> str:
    user, system, gone_user, gone_system = map(general, facts.cpu)
    load = _cpu_load(facts)
    rates: list[str] = []
    if facts.uptime:
        rates.append(f"{general(facts.accesses / facts.uptime, 3)} requests/sec")
        rates.append(f"{size(1024 * facts.kilobytes // facts.uptime)}/second")
    if facts.accesses:
        rates.append(f"{size(1024 * facts.kilobytes // facts.accesses)}/request")
        rates.append(f"{general(facts.duration_ms / facts.accesses)} ms/request")
    return (
        f"<dt>Total accesses: {facts.accesses} - Total Traffic: {_kilobytes(facts.kilobytes)}"
        f" - Total Duration: {facts.duration_ms}</dt>\n"
        f"<dt>CPU Usage: u{user} s{system} cu{gone_user} cs{gone_system}"
        + ("" if load is None else f" - {general(load, 3)}% CPU load")
        + f"</dt>\n<dt>{' - '.join(rates)}</dt>\n"
    )


def _events(facts: Facts) -> str:
    """What Apache has no line for: how often all slots were busy, and configurations that were refused."""
    out = ""
    if facts.saturations:
        now = ", and is now" if facts.saturated_since else ""
        out += (
            f"<dt>All workers were busy {facts.saturations} time{'' if facts.saturations == 1 else 's'}"
            f" ({facts.saturated_seconds:.1f} s in all, at most {facts.accept_queue_peak} connections waiting)"
            f"{now}</dt>\n"
        )
    if facts.failed_reloads:
        out += f"<dt>Failed reloads: {facts.failed_reloads} (see the error log)</dt>\n"
    if facts.refusal is not None:
        when, why = facts.refusal
        out += (
            f"<dt><b>The configuration on the disk is not the one that runs</b>: its reload failed on {clock(when)}, "
            f"generation {facts.generation} serves on</dt>\n<dd><pre>{html(why)}</pre></dd>\n"
        )
    return out


def _pid_key(facts: Facts) -> str:
    out = ["PID Key: <br />\n<pre>\n"]
    living = [slot for slot in facts.slots if slot.letter != "."]
    for count, slot in enumerate(living, 1):
        out.append(f"   {slot.words['pid']} in state: {slot.letter} {',' if count % 3 else chr(10)}")
    out.append("\n</pre>\n")
    return "".join(out)


def _times(slot: SlotView, now: float) -> tuple[int, int, int]:
    """Seconds since it was used, milliseconds of the last request, milliseconds of all."""
    words = slot.words
    last = max(0, words["stop_time"] - words["start_time"]) // 1000 if words["start_time"] else 0
    return int(now) - words["last_used"], last, words["duration"] // 1000


def _counts(slot: SlotView, separator: str) -> str:
    return separator.join(str(slot.words[name]) for name in ("conn_count", "my_access_count", "access_count"))


def _pid(slot: SlotView) -> str:
    return "-" if slot.status is Status.DEAD else str(slot.words["pid"])


def _strings(slot: SlotView) -> tuple[str, str, str, str]:
    texts = slot.strings
    return html(texts["client"]), html(texts["protocol"]), html(texts["vhost"]), html(log_item(texts["request"]))


def _table_row(slot: SlotView, now: float) -> str:
    words = slot.words
    mode = slot.letter if slot.letter in _PLAIN else f"<b>{slot.letter}</b>"
    cpu = (words["cpu_user"] + words["cpu_system"]) / 1_000_000
    since, last, duration = _times(slot, now)
    client, protocol, vhost, line = _strings(slot)
    return (
        f"<tr><td><b>{slot.child}-{words['generation']}</b></td><td>{_pid(slot)}</td><td>{_counts(slot, '/')}"
        f"</td><td>{mode}\n</td><td>{cpu:.2f}</td><td>{since}</td><td>{last}</td><td>{duration}"
        f"</td><td>{words['conn_bytes'] / 1024:.1f}</td><td>{words['my_bytes_served'] / (1 << 20):.2f}</td>"
        f"<td>{words['bytes_served'] / (1 << 20):.2f}\n"
        f"</td><td>{client}</td><td>{protocol}</td><td nowrap>{vhost}</td><td nowrap>{line}</td></tr>\n\n"
    )


def _detail(slot: SlotView, now: float) -> str:
    words = slot.words
    state = "Graceful" if slot.letter == Status.GRACEFUL.letter else _STATES[slot.status]
    since, last, duration = _times(slot, now)
    client, protocol, vhost, line = _strings(slot)
    user, system = (general(words[name] // 10_000 / 100) for name in ("cpu_user", "cpu_system"))
    sizes = "|".join(size(words[name]) for name in ("conn_bytes", "my_bytes_served", "bytes_served"))
    return (
        f"<b>Server {slot.child}-{words['generation']}</b> ({_pid(slot)}): {_counts(slot, '|')} [{state}] "
        f"u{user} s{system} cu0 cs0\n {since} {last} {duration}({sizes})\n"
        f" <i>{client} {{{line}}}</i> <i>({protocol})</i> <b>[{vhost}]</b><br />\n\n"
    )
