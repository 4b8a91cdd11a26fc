"""Lineage documents without what differs from one making to the next, so that two can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_MEASURED = ("accuracy", "seconds", "ended")


def normalised(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A `lineage --json` document with placeholders for ids, digests and times; nodes and edges sorted.

    Args:
        document: `services.lineage.ModelLineage.document()`.
        names: What else to replace: the test's own names, by their placeholders' values.
    """
    steps = [node for node in document["nodes"] if node["kind"] == "step"]
    ids = {node["name"]: node["name"].split()[0] for node in steps} | {node["run_id"]: "STEP" for node in steps}
    ids |= {node["made_by_run"]: "PREPROCESS" for node in document["nodes"] if "made_by_run" in node}
    text = json.dumps(document)
    for old, new in sorted({**ids, **names}.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(old, new)
    seen: dict[str, str] = {}
    found = json.loads(_DIGEST.sub(lambda match: seen.setdefault(match[0], f"DIGEST-{len(seen) + 1}"), text))
    for node in found["nodes"]:
        node.update({name: "MEASURED" for name in _MEASURED if name in node})
    return {
        **found,
        "nodes": sorted(found["nodes"], key=lambda node: str(node["id"])),
        "edges": sorted(found["edges"]),
    }
