"""The parts of the status page that have a line or a letter for each slot, process and generation. Pure."""

from __future__ import annotations

from itertools import groupby

from pyhttpd.modules.status_facts import Facts, Process
from pyhttpd.modules.status_json import request_ms
from pyhttpd.modules.status_lines import general, size, span
from pyhttpd.scoreboard import SlotView, Status
from pyhttpd.util.escape import html, log_item

ROW = 64  # slots of the scoreboard in a line
LONG = 10  # seconds from which on a request that is being answered stands out
_CLASSES = {"_": "r", ".": "o"}  # in the style, where a letter is no name
_STATES = {
    Status.READY: "Ready", Status.STARTING: "Starting", Status.BUSY_READ: "<b>Read</b>",
    Status.BUSY_WRITE: "<b>Write</b>", Status.BUSY_KEEPALIVE: "<b>Keepalive</b>", Status.BUSY_LOG: "<b>Logging</b>",
    Status.BUSY_DNS: "<b>DNS lookup</b>", Status.CLOSING: "<b>Closing</b>", Status.DEAD: "Dead",
    Status.GRACEFUL: "Graceful", Status.IDLE_KILL: "Dying",
}  # fmt: skip
_WORDS = {
    "W": "sending", "R": "reading", "K": "keepalive", "C": "closing", "L": "logging", "D": "DNS", "S": "starting",
    "G": "graceful", "I": "dying", "_": "waiting", ".": "open",
}  # fmt: skip
_UNUSED = frozenset("_.")


def _key() -> str:
    rows = (
        (("_", "Waiting for Connection"), ("S", "Starting up"), ("R", "Reading Request")),
        (("W", "Sending Reply"), ("K", "Keepalive (read)"), ("D", "DNS Lookup")),
        (("C", "Closing connection"), ("L", "Logging"), ("G", "Gracefully finishing")),
        (("I", "Idle cleanup of worker"), (".", "Open slot with no current process")),
    )
    lines = [", \n".join(f'"<b>{_code(letter)}</b>" {text}' for letter, text in row) for row in rows]
    return f'<p class="key">Scoreboard Key:<br>\n{",<br>".join(lines[:3])},<br> \n{lines[3]}<br>\n</p>\n'


def _code(letter: str) -> str:
    return f'<code class="{_CLASSES.get(letter, letter)}">{letter}</code>'


def board(facts: Facts) -> str:
    """The scoreboard in rows, and its key."""
    out = ['<div class="card"><h2>Scoreboard</h2>\n<pre class="board" id="board" data-live>']
    letters = facts.scoreboard
    for at in range(0, len(letters), ROW):
        row = letters[at : at + ROW]
        for start in range(0, len(row), 16):  # a run ends where a row of a small screen may end
            for letter, run in groupby(row[start : start + 16]):
                out.append(f'<span class="{_CLASSES.get(letter, letter)}">{"".join(run)}</span>')
        if len(row) == ROW:
            out.append("\n")
    out += ("</pre>\n", _KEY, "</div>\n")
    return "".join(out)


def chips(scoreboard: str) -> str:
    """How many slots there are in each state that is there."""
    counts = ((letter, scoreboard.count(letter)) for letter in _WORDS)
    return " ".join(
        f'<span><span class="chip {_CLASSES.get(letter, letter)}">{count}</span> {_WORDS[letter]}</span>'
        for letter, count in counts
        if count
    )


# -- generations and processes


def _sums(processes: list[Process]) -> tuple[int, ...]:
    columns = ("stopping", "connections", "accepted", "busy", "graceful", "idle", "accesses")
    return (len(processes), *(sum(getattr(process, name) for process in processes) for name in columns))


def _generations(facts: Facts) -> list[tuple[int, list[Process]]]:
    """The newest first, with their processes in the order of their rows."""
    numbers = sorted({process.generation for process in facts.processes}, reverse=True)
    return [(number, [p for p in facts.processes if p.generation == number]) for number in numbers]


def processes(facts: Facts) -> str:
    """A table with a line for each generation and, where a process is more than one slot, for each process."""
    names = ("Process", "PID", "Stopping", "Connections", "Accepted", "Busy", "Graceful", "Idle", "Accesses", "Age")
    out = [
        '<div class="card"><h2>Generations and processes</h2>\n<div class="scroll"><table class="counts">\n<thead><tr>',
        *(f"<th>{name}</th>" for name in names),
        '</tr></thead>\n<tbody id="processes" data-live>\n',
    ]
    for number, members in _generations(facts):
        count, *sums = _sums(members)
        heading = f"Generation {number}{'' if number == facts.generation else ' (old)'}"
        oldest = int(facts.now - min(process.started for process in members))
        cells = "".join(f"<td>{value}</td>" for value in sums)
        members_are = f"{count} process{'' if count == 1 else 'es'}"
        out.append(f"<tr><th>{heading}</th><th>{members_are}</th>{cells}<td>{_age(oldest)}</td></tr>\n")
        if facts.limits.thread_limit > 1:
            out += [_process_row(process, facts.now) for process in members]
    out.append("</tbody></table></div></div>\n")
    return "".join(out)


def _process_row(process: Process, now: float) -> str:
    values = (
        process.pid, "yes" if process.stopping else "no", process.connections, process.accepted, process.busy,
        process.graceful, process.idle, process.accesses, _age(int(now - process.started)),
    )  # fmt: skip
    cells = "".join(f"<td>{value}</td>" for value in values)
    return f"<tr><td>Process {process.row}</td>{cells}</tr>\n"


def process_list(facts: Facts) -> str:
    """The same without a table."""
    out = ['<div class="card"><h2>Generations and processes</h2>\n<ul class="list" id="processes" data-live>\n']
    for number, members in _generations(facts):
        count, stopping, *sums = _sums(members)
        text = f"{stopping} of them stopping; {_counts_of(*sums)}"
        out.append(f"<li><b>Generation {number}</b>: {count} processes, {text}</li>\n")
        if facts.limits.thread_limit > 1:
            out += [
                f"<li><b>Process {process.row}</b> ({process.pid}){', stopping' if process.stopping else ''}: "
                f"{_counts_of(*_sums([process])[2:])}</li>\n"
                for process in members
            ]
    out.append("</ul></div>\n")
    return "".join(out)


def _counts_of(connections: int, accepted: int, busy: int, graceful: int, idle: int, accesses: int) -> str:
    return (
        f"{connections} connections of {accepted} accepted; threads: {busy} busy, {graceful} graceful, {idle} idle; "
        f"{accesses} accesses"
    )


def _age(seconds: int) -> str:
    """The two largest units of a time."""
    return " ".join(span(max(0, seconds)).split()[:4]) or "0 seconds"


# -- slots


def pid_key(facts: Facts) -> str:
    """What stands in place of the slots where ExtendedStatus is Off."""
    out = ['PID Key: <br>\n<pre id="pids" data-live>\n']
    for count, (pid, letter) in enumerate(facts.living, 1):
        out.append(f"   {pid} in state: {letter} {',' if count % 3 else chr(10)}")
    out.append("\n</pre>\n")
    return "".join(out)


def slots(facts: Facts) -> str:
    out = [
        '<div class="card"><h2>Slots</h2>\n<input type="checkbox" id="only"><label class="only" for="only">'
        'Only those at work</label>\n<div class="scroll"><table class="slots"><thead><tr><th>Srv</th><th>PID</th>'
        "<th>Acc</th><th>M</th><th>CPU\n</th><th>SS</th><th>Req</th><th>Dur</th><th>Conn</th><th>Child</th>"
        "<th>Slot</th><th>Client</th><th>Protocol</th><th>VHost</th><th>Request</th></tr></thead>\n"
        '<tbody id="slots" data-live>\n'
    ]
    out += [_slot_row(slot, facts.now) for slot in facts.slots]
    out += ("</tbody></table></div></div>\n", _LEGEND)
    return "".join(out)


def slot_list(facts: Facts) -> str:
    out = ['<div class="card"><hr><h2>Server Details</h2>\n\n<div class="list" id="slots" data-live>']
    out += [_slot_lines(slot, facts.now) for slot in facts.slots]
    out.append("</div></div>\n")
    return "".join(out)


def _times(slot: SlotView, now: float) -> tuple[int, int, int]:
    """Seconds since it was used (0: never), milliseconds of the last request, milliseconds of all."""
    words = slot.words
    since = max(0, int(now) - words["last_used"]) if words["last_used"] else 0
    return since, request_ms(slot), words["duration"] // 1000


def _counts(slot: SlotView, separator: str) -> str:
    return separator.join(str(slot.words[name]) for name in ("conn_count", "my_access_count", "access_count"))


def _pid(slot: SlotView) -> str:
    return "-" if slot.status is Status.DEAD else str(slot.words["pid"])


def _strings(slot: SlotView) -> tuple[str, str, str, str]:
    texts = slot.strings
    return html(texts["client"]), html(texts["protocol"]), html(texts["vhost"]), html(log_item(texts["request"]))


def _slot_row(slot: SlotView, now: float) -> str:
    words, letter = slot.words, slot.letter
    mode = letter if letter in _UNUSED else f'<b class="{letter}">{letter}</b>'
    cpu = (words["cpu_user"] + words["cpu_system"]) / 1_000_000
    since, last, duration = _times(slot, now)
    client, protocol, vhost, line = _strings(slot)
    state = ""
    if letter in _UNUSED:
        state = ' class="idle"'
    elif slot.status is Status.BUSY_WRITE and since >= LONG:
        state = ' class="long"'
    return (
        f"<tr{state}><td><b>{slot.child}-{words['generation']}</b></td><td>{_pid(slot)}</td><td>{_counts(slot, '/')}"
        f"</td><td>{mode}\n</td><td>{cpu:.2f}</td><td>{since}</td><td>{last}</td><td>{duration}"
        f"</td><td>{words['conn_bytes'] / 1024:.1f}</td><td>{words['my_bytes_served'] / (1 << 20):.2f}</td>"
        f"<td>{words['bytes_served'] / (1 << 20):.2f}\n"
        f"</td><td>{client}</td><td>{protocol}</td><td>{vhost}</td><td>{line}</td></tr>\n\n"
    )


def _slot_lines(slot: SlotView, now: float) -> str:
    words = slot.words
    state = "Graceful" if slot.letter == Status.GRACEFUL.letter else _STATES[slot.status]
    since, last, duration = _times(slot, now)
    client, protocol, vhost, line = _strings(slot)
    user, system = (general(words[name] // 10_000 / 100) for name in ("cpu_user", "cpu_system"))
    sizes = "|".join(size(words[name]) for name in ("conn_bytes", "my_bytes_served", "bytes_served"))
    return (
        f"<b>Server {slot.child}-{words['generation']}</b> ({_pid(slot)}): {_counts(slot, '|')} [{state}] "
        f"u{user} s{system} cu0 cs0\n {since} {last} {duration}({sizes})\n"
        f" <i>{client} {{{line}}}</i> <i>({protocol})</i> <b>[{vhost}]</b><br>\n\n"
    )


_KEY = _key()
_LEGEND = """<hr>
<div class="legend card"><table>
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
</table></div>
"""
