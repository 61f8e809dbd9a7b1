"""Writes pyhttpd/config/owners.json, directive names by Apache module, from a JSON list of Apache's directives.

Usage: make_owners.py directives.json. Its `modules` have a `module` and `directives`, each with `name` and `section`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OUTPUT = Path(__file__).parent.parent / "pyhttpd" / "config" / "owners.json"
OTHER_SYSTEMS = {"mpm_netware", "mpm_winnt", "mpmt_os2"}
MPMS = {"prefork", "worker", "event"}


def owners(modules: list[dict[str, object]]) -> dict[str, list[str]]:
    """Module -> names. A directive that several have is the core's, or else mpm_common's, or else the first one's."""
    found: dict[str, str] = {}
    for module in sorted(modules, key=rank):
        directives = module["directives"]
        assert isinstance(directives, list)
        for directive in directives:
            name = f"<{directive['name']}" if directive["section"] else directive["name"]
            found.setdefault(name, str(module["module"]))
    by_module: dict[str, list[str]] = {str(module["module"]): [] for module in modules}
    for name, owner in found.items():
        by_module[owner].append(name)
    return {owner: sorted(names) for owner, names in sorted(by_module.items())}


def rank(module: dict[str, object]) -> tuple[int, str]:
    name = str(module["module"])
    if name in OTHER_SYSTEMS:
        return 4, name
    return {"core": 0, "mpm_common": 1}.get(name, 3 if name in MPMS else 2), name


if __name__ == "__main__":
    data = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    OUTPUT.write_text(json.dumps(owners(data["modules"]), indent=1) + "\n", "utf-8")
