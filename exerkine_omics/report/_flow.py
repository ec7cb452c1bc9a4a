"""Samples to people to pairs: the boxes of the drawing, from what the summary counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any


def flow(cohort: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the drawing, from the samples that were read to the pairs.

    Parameters
    ----------
    cohort
        `DoneCohort`. The stages of ``qc.flow`` are used where they are there, else samples,
        people and pairs as the summary counts them.

    Returns
    -------
    list of dict
        A row has ``boxes``, which stand side by side, and ``lost``, texts on who is not in them.
        A box has ``n``, ``words`` and ``arms``, pairs of arm and number.
    """
    boxes = _stages(cohort) or _counted(cohort)
    pairs = [b for b in boxes if b["paired"]]
    rows: list[dict[str, Any]] = [{"boxes": [b], "lost": []} for b in boxes if not b["paired"]]
    for before, row in zip(rows, rows[1:], strict=False):
        first, second = before["boxes"][0], row["boxes"][0]
        fewer = first["n"] - second["n"]
        if first["unit"] == second["unit"] and fewer > 0:
            row["lost"] = _left_out(cohort, first["words"], second["words"], fewer)
    if pairs:
        rows.append({"boxes": pairs, "lost": _unpaired(cohort)})
    return rows


def _stages(cohort: Mapping[str, Any]) -> list[dict[str, Any]]:
    boxes: dict[str, dict[str, Any]] = {}
    for stage in (cohort.get("qc") or {}).get("flow") or ():
        name = str(stage["stage"])
        box = boxes.setdefault(name, _box(name, str(stage["unit"])))
        box["n"] += int(stage["n"])
        if stage["arm"]:
            box["arms"].append((stage["arm"], int(stage["n"])))
    return list(boxes.values())


def _counted(cohort: Mapping[str, Any]) -> list[dict[str, Any]]:
    boxes = {"samples": _box("samples", "tubes"), "people": _box("people", "people")}
    boxes["samples"]["n"] = cohort["n_samples"]
    boxes["people"]["n"] = cohort["n_people"]
    for row in cohort["pairs"]:
        name = f"paired at {row.get('timepoint') or row.get('contrast', '')}"
        box = boxes.setdefault(name, _box(name, "people"))
        box["n"] += row["n_pairs"]
        if row.get("arm"):
            box["arms"].append((row["arm"], row["n_pairs"]))
    return list(boxes.values())


def _box(name: str, unit: str) -> dict[str, Any]:
    words = name.removeprefix("tubes ") if name.startswith("tubes ") else name
    return {
        "words": f"samples {words}" if words != name else words,
        "unit": unit,
        "n": 0,
        "arms": [],
        "paired": name.startswith("paired at "),
    }


def _left_out(cohort: Mapping[str, Any], first: str, second: str, fewer: int) -> list[str]:
    if second == "samples of people":
        return [f"{fewer:,} of no person: controls, blanks, pools"]
    if first != "samples read":
        return [f"{fewer:,} without"]
    # which step of the preparation lost them is known but for the first, whose start is not told
    told, before = [f"{fewer:,} left out when they were read and prepared"], None
    for step in (cohort.get("qc") or {}).get("steps") or ():
        if before is not None and step["n_samples"] < before:
            name = step["step"].removeprefix("pp.").replace("_", " ")
            told.append(f"{before - step['n_samples']:,} of them in {name}")
        before = step["n_samples"]
    return told


def _unpaired(cohort: Mapping[str, Any]) -> list[str]:
    reasons = Counter((row["timepoint"], row["reason"]) for row in cohort["dropped"])
    several = len({time for time, _ in reasons}) > 1
    return [
        f"{n:,} without a pair{f' at {time}' if several else ''}: {reason}"
        for (time, reason), n in reasons.items()
    ]
