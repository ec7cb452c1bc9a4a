"""What a molecule's findings add up to: its direction and level in a context."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.sig._model import Signature
from exerkine_omics.sig._vocabulary import (
    CONTESTED,
    EXPOSURES,
    LEVELS,
    MATRIX_FAMILIES,
    MODE_FAMILIES,
    SIGNED,
    TIME_CLASSES,
)

_CONTEXT = ("exposure", "exercise_mode", schema.MATRIX)
# meta-analyses and human studies decide; results tables only where there is nothing else
_KIND = {"meta": "study", "human": "study", "list": "list"}


def derive(evidence: pd.DataFrame, window: tuple[float, float] | None = None) -> pd.DataFrame:
    """Derive direction and level of each molecule in each context it was studied in.

    Parameters
    ----------
    evidence
        One row a finding.
    window
        Minutes after the end of the bout, for acute findings; None is any time.

    Returns
    -------
    DataFrame
        exerkine_id, exposure, exercise_mode, matrix, direction, level, counts, references.
    """
    rows = evidence[(evidence[schema.SPECIES] == "human") & evidence["exposure"].isin(EXPOSURES)]
    rows = rows[within(rows, window)]
    for column, families in (("exercise_mode", MODE_FAMILIES), (schema.MATRIX, MATRIX_FAMILIES)):
        pairs = [(value, family) for family, values in families.items() for value in values]
        table = pd.DataFrame(pairs, columns=[column, "family"])
        rows = rows.merge(table, on=column).drop(columns=column)
        rows = rows.rename(columns={"family": column})
    return _tally(rows, [schema.EXERKINE_ID, *_CONTEXT])


def derive_for(evidence: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """Derive direction and level of each molecule in a signature's own context.

    Findings of all its modes, matrices and times are pooled. For a confounder of any exposure,
    rows at rest that mark the confounder itself (mode none) count as well.
    """
    exposures = set(EXPOSURES) if signature.exposure == "any" else {signature.exposure}
    modes = _modes(signature.exercise_mode)
    keep = evidence["exposure"].isin(exposures) & evidence["exercise_mode"].isin(modes)
    if signature.confounder and signature.exposure == "any":
        at_rest = evidence["exposure"] == "cross_sectional"
        keep |= at_rest & (evidence["exercise_mode"] == "none")
    matrices = {("ev" if m == "ev" else "blood") for m in signature.matrix} or set(MATRIX_FAMILIES)
    allowed = {m for family in matrices for m in MATRIX_FAMILIES[family]}
    keep &= evidence[schema.MATRIX].isin(allowed)
    keep &= evidence[schema.SPECIES] == signature.species
    keep &= within(evidence, signature.window_minutes)
    return _tally(evidence[keep], [schema.EXERKINE_ID])


def level_of(signature: Signature, derived: pd.DataFrame) -> str:
    """Find the best level that members with half of the absolute weight reach.

    A member reaches the level of its derived direction if that direction is its sign's, else C.
    """
    known = derived.set_index(schema.EXERKINE_ID)
    weight = dict.fromkeys(LEVELS, 0.0)
    for member in signature.members:
        level = "C"
        if member.exerkine_id in known.index:
            row = known.loc[member.exerkine_id]
            if row["direction"] == ("up" if member.weight > 0 else "down"):
                level = str(row["level"])
        weight[level] += abs(member.weight)
    total = sum(weight.values())
    reached = 0.0
    for level in LEVELS:
        reached += weight[level]
        if reached >= total / 2 * (1 - 1e-9):
            return level
    return LEVELS[-1]


def within(evidence: pd.DataFrame, window: tuple[float, float] | None) -> pd.Series:
    """Say which rows may lie in a window of minutes: all but acute ones known to lie outside."""
    if window is None:
        return pd.Series(True, index=evidence.index)
    start, end = window
    minutes = evidence[schema.MINUTES_POST]
    # a class holds its end, not its start; but 0 is immediate
    overlaps = {
        name: start < high
        if name == "during"
        else start <= high and (end > low or (name == "immediate" and end == low))
        for name, (low, high) in TIME_CLASSES.items()
    }
    by_class = evidence["time_class"].map(lambda name: overlaps.get(name, True)).astype(bool)
    inside = minutes.between(start, end).where(minutes.notna(), by_class)
    return inside | (evidence["exposure"] != "acute")


def _modes(asked: Iterable[str]) -> set[str]:
    """Modes of evidence that speak for the modes of a signature; none stated is any."""
    families = {"sprint": MODE_FAMILIES["hiit"], "combined": ("combined", "any"), **MODE_FAMILIES}
    every = {mode for family in MODE_FAMILIES.values() for mode in family}
    chosen = set(asked) or {"any"}
    return every if "any" in chosen else {m for mode in chosen for m in families[mode]}


def _tally(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Count distinct references by direction within each group, and decide."""
    rows = rows[[*by, "direction", "reference", "level"]]
    kinds = rows["level"].map(_KIND).where(rows["direction"].isin(SIGNED)).fillna("beside")
    kinds = kinds.to_numpy()
    groups = rows[by].drop_duplicates().sort_values(by, ignore_index=True)
    number = groups.assign(group=np.arange(len(groups)))
    rows = rows.assign(group=rows[by].merge(number, on=by, how="left")["group"].to_numpy())
    is_meta = rows["level"] == "meta"
    counted = {
        kind: np.array([_count(rows, (kinds == kind) & (rows["direction"] == d)) for d in SIGNED])
        for kind in ("study", "list")
    }
    study, lists = counted["study"], counted["list"]
    meta = np.array([_count(rows, is_meta & (rows["direction"] == d)) > 0 for d in SIGNED])
    direction, level = _decide(study, lists, meta)
    result = groups.assign(direction=direction, level=level)
    for at, name in enumerate(SIGNED):
        result[f"n_{name}"] = study[at].astype("int64")
    for at, name in enumerate(SIGNED):
        result[f"n_list_{name}"] = lists[at].astype("int64")
    result["n_beside"] = _count(rows, kinds == "beside").astype("int64")
    unique = rows[["group", "reference"]].drop_duplicates().sort_values(["group", "reference"])
    joined = unique.groupby("group")["reference"].agg(";".join)
    result["references"] = joined.reindex(range(len(groups)), fill_value="").to_numpy()
    return result


def _count(rows: pd.DataFrame, keep: np.ndarray) -> np.ndarray:
    unique = rows.loc[keep, ["group", "reference"]].drop_duplicates()
    size = int(rows["group"].max()) + 1 if len(rows) else 0
    return np.bincount(unique["group"].to_numpy(dtype=int), minlength=size)


def _decide(
    study: np.ndarray, lists: np.ndarray, meta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Apply the rule to counts (3 directions x groups) of studies and results tables."""
    only_lists = study.sum(axis=0) == 0
    deciding = np.where(only_lists, lists, study)
    up, down, same = deciding
    conditions = [
        deciding.sum(axis=0) == 0,
        (up > down) & (up >= same),
        (down > up) & (down >= same),
        same > np.maximum(up, down),
    ]
    direction = np.select(conditions, ["", *SIGNED], CONTESTED)
    at = np.select(conditions[1:], [0, 1, 2], 0)
    columns = np.arange(deciding.shape[1])
    own, own_meta = deciding[at, columns], meta[at, columns]
    outnumbers = own > deciding.sum(axis=0) - own
    settled = np.isin(direction, SIGNED)
    level = np.select(
        [~settled, only_lists, outnumbers & (own_meta | (own >= 2))], ["C", "L", "A"], "B"
    )
    return direction.astype(object), level.astype(object)
