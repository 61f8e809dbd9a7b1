"""`?json`: all that mod_status knows as one JSON object in ASCII. The README lists its members.

Times are seconds since the epoch, lengths seconds unless the name says otherwise. A text from a client has one
character for each byte that it sent (ISO 8859-1).
"""

from __future__ import annotations

from typing import Any

from pyhttpd.modules.status_facts import Facts, Process
from pyhttpd.scoreboard import SlotView
from pyhttpd.util.escape import json_string

SCHEMA = 1
"""Grows when a member changes its meaning or goes; new ones may come at any time."""


def as_json(facts: Facts) -> str:
    return _encoded(_members(facts)) + "\n"


def _encoded(value: Any) -> str:
    """Python's json module is not imported: every child would carry it."""
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is str:
        return json_string(value)
    if kind is dict:  # its names are ours
        return "{" + ", ".join([f'"{name}": {_encoded(item)}' for name, item in value.items()]) + "}"
    if kind is float:
        return repr(round(value, 6))
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    return "[" + ", ".join(map(_encoded, value)) + "]"


def _members(facts: Facts) -> dict[str, Any]:
    limits = facts.limits
    return {
        "schema": SCHEMA,
        "server": {
            "name": facts.name, "address": facts.address, "version": facts.version, "mpm": facts.mpm,
            "built": facts.built,
        },
        "time": {
            "now": facts.now, "started": facts.started, "restarted": facts.restarted, "uptime": facts.uptime,
        },
        "generation": {"config": facts.config_generation, "mpm": facts.generation},
        "load": facts.load,
        "extended_status": facts.extended,
        "totals": _totals(facts) if facts.extended else None,
        "rates": _rates(facts) if facts.extended else None,
        "workers": {
            "busy": facts.busy, "graceful": facts.graceful, "idle": facts.idle,
            "processes": len(facts.processes), "stopping": sum(process.stopping for process in facts.processes),
        },
        "limits": {
            "start_servers": limits.start, "min_spare": limits.min_spare, "max_spare": limits.max_spare,
            "spare_unit": facts.spare_name.lower(), "server_limit": limits.server_limit,
            "max_request_workers": limits.max_workers, "max_processes": limits.children,
            "thread_limit": limits.thread_limit, "threads_per_child": limits.threads,
            "max_connections_per_child": facts.max_connections,
        },
        "scoreboard": facts.scoreboard,
        "saturation": {
            "count": facts.saturations, "since": facts.saturated_since or None,
            "number": facts.saturated_by if facts.saturated_since else None, "seconds": facts.saturated_in_all,
            "accept_queue_peak": facts.accept_queue_peak,
        },
        "reload": {
            "failed": facts.failed_reloads,
            "refused": facts.refusal and {"at": facts.refusal[0], "reason": facts.refusal[1]},
        },
        "events": [
            {
                "kind": event.kind.name.lower(), "at": event.at, "seconds": event.seconds, "value": event.value,
                "number": event.number,
            }
            for event in facts.events
        ],
        "history": [
            {"at": at, "requests_per_second": requests, "bytes_per_second": sent, "busy": busy}
            for at, requests, sent, busy in facts.history
        ],
        "processes": [_process(facts, process) for process in facts.processes],
        "slots": [_slot(slot, facts.now) for slot in facts.slots],
    }  # fmt: skip


def _totals(facts: Facts) -> dict[str, Any]:
    user, system, gone_user, gone_system = facts.cpu
    return {
        "accesses": facts.accesses, "bytes": facts.bytes, "kilobytes": facts.kilobytes,
        "duration_ms": facts.duration_ms, "cpu_user": user, "cpu_system": system, "cpu_gone_user": gone_user,
        "cpu_gone_system": gone_system,
    }  # fmt: skip


def _rates(facts: Facts) -> dict[str, Any]:
    present, uptime, accesses = facts.present, facts.uptime, facts.accesses
    return {
        "requests_per_second": present and present[0],
        "bytes_per_second": present and present[1],
        "window": present and present[2],
        "average_requests_per_second": accesses / uptime if uptime else None,
        "average_bytes_per_second": facts.bytes / uptime if uptime else None,
        "bytes_per_request": facts.bytes / accesses if accesses else None,
        "ms_per_request": facts.duration_ms / accesses if accesses else None,
        "cpu_load_percent": facts.cpu_load,
    }


def _process(facts: Facts, process: Process) -> dict[str, Any]:
    return {
        "child": process.row, "pid": process.pid, "generation": process.generation,
        "current": process.generation == facts.generation, "stopping": process.stopping, "started": process.started,
        "connections": process.connections, "accepted": process.accepted, "busy": process.busy,
        "graceful": process.graceful, "idle": process.idle, "accesses": process.accesses,
    }  # fmt: skip


def _slot(slot: SlotView, now: float) -> dict[str, Any]:
    words = slot.words
    return {
        "child": slot.child, "thread": slot.thread, "pid": words["pid"], "tid": words["tid"],
        "generation": words["generation"], "state": slot.status.name.lower(), "letter": slot.letter,
        "accesses": {
            "connection": words["conn_count"], "child": words["my_access_count"], "slot": words["access_count"],
        },
        "bytes": {
            "connection": words["conn_bytes"], "child": words["my_bytes_served"], "slot": words["bytes_served"],
        },
        "cpu_user": words["cpu_user"] / 1_000_000, "cpu_system": words["cpu_system"] / 1_000_000,
        "began": words["start_time"] / 1_000_000 or None,
        "age": max(0.0, now - words["start_time"] / 1_000_000) if words["start_time"] else None,
        "last_used": words["last_used"] or None,
        "last_ms": request_ms(slot), "duration_ms": words["duration"] // 1000,
        **slot.strings,
    }  # fmt: skip


def request_ms(slot: SlotView) -> int:
    """Milliseconds of the last request that ended."""
    words = slot.words
    return max(0, words["stop_time"] - words["start_time"]) // 1000 if words["start_time"] else 0
