"""How mod_status writes numbers and times, and `?auto`: lines for programs, Apache's to the byte. Pure."""

from __future__ import annotations

import time

from pyhttpd.modules.status_facts import Facts


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


def kilobytes(count: int) -> str:
    """Kilobytes with a unit."""
    if count < 1 << 10:
        return f"{count} kB"
    if count < 1 << 20:
        return f"{count / (1 << 10):.1f} MB"
    return f"{count / (1 << 20):.1f} GB"


def lines(facts: Facts) -> str:
    """`?auto`: names and order are Apache's; programs read them."""
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
    if facts.cpu_load is not None:
        out.append(f"CPULoad: {general(facts.cpu_load)}")
    out.append(f"Uptime: {facts.uptime}")
    if facts.uptime:
        out.append(f"ReqPerSec: {general(facts.accesses / facts.uptime)}")
        out.append(f"BytesPerSec: {general(1024 * facts.kilobytes / facts.uptime)}")
    if facts.accesses:
        out.append(f"BytesPerReq: {general(1024 * facts.kilobytes / facts.accesses)}")
        out.append(f"DurationPerReq: {general(facts.duration_ms / facts.accesses)}")
    return out
