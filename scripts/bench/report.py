"""The results: a table for the terminal, JSON, and a chart."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from scripts.bench.measure import Run
from scripts.bench.workloads import Workload

_WIDEST = 3.0  # a bar of the chart; what is more is told by its label
SERVERS = ("pyhttpd", "apache2")


@dataclass(slots=True)
class Row:
    """A workload on one MPM: the runs of both servers, paired by turns."""

    workload: Workload
    mpm: str
    runs: dict[str, list[Run]] = field(default_factory=lambda: {name: [] for name in SERVERS})

    def rate(self, server: str) -> float:
        return float(median(run.rate for run in self.runs[server]))

    @property
    def ratio(self) -> float:
        """The median of the ratios of the pairs: what disturbed both of a pair does not count."""
        pairs = zip(*(self.runs[server] for server in SERVERS), strict=True)
        return float(median(ours.rate / theirs.rate for ours, theirs in pairs))

    def values(self) -> dict[str, object]:
        result: dict[str, object] = {"workload": self.workload.name, "mpm": self.mpm, "ratio": round(self.ratio, 3)}
        result["goal"] = self.workload.goal
        for server in SERVERS:
            result[server] = {
                "rate": round(self.rate(server)),
                **{
                    name: round(median(getattr(run, name) for run in self.runs[server]), 4)
                    for name in ("p50", "p99", "cpu")
                },
                "runs": [asdict(run) for run in self.runs[server]],
            }
        return result


@dataclass(slots=True)
class Result:
    """Everything that was measured. `single` has values of one kind: memory, growth of the pool, the bare loop."""

    rows: list[Row] = field(default_factory=list)
    single: list[tuple[str, dict[str, float]]] = field(default_factory=list)

    def as_json(self) -> str:
        machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        values = {"machine": machine, "workloads": [row.values() for row in self.rows], "single": dict(self.single)}
        return json.dumps(values, indent=1) + "\n"


HEADER = (
    f"{'workload':19}{'MPM':9}{'pyhttpd/s':>10}{'Apache/s':>10}{'ratio':>7}"
    f"{'goal':>6}{'p50 µs':>14}{'p99 µs':>16}{'cpu ms':>12}"
)


def line(row: Row) -> str:
    """A row of the table; where there are two numbers, ours is the first."""
    facts = {name: [median(getattr(run, name) for run in row.runs[server]) for server in SERVERS]
             for name in ("p50", "p99", "cpu")}  # fmt: skip
    goal = "" if row.workload.goal is None else f"{row.workload.goal:.1f}"
    pairs = [f"{facts[name][0]:.0f}/{facts[name][1]:.0f}" for name in ("p50", "p99")]
    cpu = f"{facts['cpu'][0] * 1000:.0f}/{facts['cpu'][1] * 1000:.0f}"
    return (
        f"{row.workload.name:19}{row.mpm:9}{row.rate('pyhttpd'):10.0f}{row.rate('apache2'):10.0f}{row.ratio:7.2f}"
        f"{goal:>6}{pairs[0]:>14}{pairs[1]:>16}{cpu:>12}"
    )


def draw(result: Result, path: Path) -> None:
    """A PNG: for each workload a bar for each MPM, as long as the ratio to Apache's rate."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(row.workload.name for row in result.rows))
    figure, axes = pyplot.subplots(figsize=(8, 0.5 * len(names) + 1.5))
    colours = {"prefork": "#3776ab", "worker": "#ffd43b"}
    for offset, (mpm, colour) in zip((-0.2, 0.2), colours.items(), strict=True):
        rows = [row for row in result.rows if row.mpm == mpm]
        places = [names.index(row.workload.name) + offset for row in rows]
        bars = axes.barh(places, [min(row.ratio, _WIDEST) for row in rows], 0.38, label=mpm, color=colour)
        axes.bar_label(bars, [f"{row.ratio:.2f}" for row in rows], padding=3, fontsize=8)
    axes.axvline(1, color="#b22222", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("requests a second, times Apache's in C (red line)")
    axes.legend(loc="center right")
    axes.margins(x=0.12)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
