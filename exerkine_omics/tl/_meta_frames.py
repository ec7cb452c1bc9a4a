"""Cohorts' result frames as arrays: checked, joined by common id, on the scale to be pooled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import AnalysisError, InputError, UnitsError, UsageError, shown, warn

_NUMBERS = [c for c, d in schema.RESULT_COLUMNS.items() if d != "category"]
_RENAME = "frame['contrast'] = frame['contrast'].cat.rename_categories({own: common})"


@dataclass(frozen=True)
class Cells:
    """One row a contrast and feature, one column a cohort (in the order of their names).

    ``value`` and ``error`` are what is pooled and its SE, ``size`` and ``size_error`` the same in
    baseline SDs, ``numbers`` the frames' own columns; ``ok`` marks rows whose status is ok.
    """

    cohorts: list[str]
    contrast: np.ndarray
    feature: np.ndarray
    numbers: dict[str, np.ndarray]
    ok: np.ndarray
    value: np.ndarray
    error: np.ndarray
    size: np.ndarray
    size_error: np.ndarray

    def without(self, cohort: str) -> Cells:
        """Return the same rows with one cohort's results taken out."""
        ok = self.ok.copy()
        ok[:, self.cohorts.index(cohort)] = False
        return replace(self, ok=ok)


def named_frames(frames: Any) -> dict[str, pd.DataFrame]:
    """Cohorts by name, sorted, so that their order in the call changes no sum."""
    if not isinstance(frames, Mapping):
        raise UsageError(
            f"tl.meta takes {{cohort: result frame}} and was given a {type(frames).__name__}",
            where="frames=",
            fix="Name each cohort: {'A': frame_a, 'B': frame_b}.",
        )
    named = {str(name): frame for name, frame in frames.items()}
    if not named or len(named) < len(frames):
        raise UsageError(f"The cohorts {shown(frames)} have no names of their own", where="frames=")
    for name, frame in named.items():
        if not isinstance(frame, pd.DataFrame):
            raise UsageError(
                f"The cohort {name!r} is a {type(frame).__name__}, not a result frame",
                where="frames=",
                fix="Give what exo.tl.differential or exo.tl.associate returns.",
            )
        missing = [c for c in schema.RESULT_COLUMNS if c not in frame.columns]
        if missing:
            raise InputError(
                f"The frame of {name!r} lacks the columns {shown(missing)}",
                where=f"frames[{name!r}]",
                fix="Give what exo.tl.differential or exo.tl.associate returns.",
            )
    return dict(sorted(named.items()))


def resolve_pool(
    frames: Mapping[str, pd.DataFrame], pool: str, platforms: Mapping[str, str] | None
) -> tuple[str, str]:
    """Say what is pooled and in which unit; refuse fold changes of several units or platforms."""
    if platforms is not None:
        _known_cohorts(platforms, frames, "platforms=")
        absent = [name for name in frames if name not in {str(k) for k in platforms}]
        if absent:
            raise UsageError(f"The cohorts {shown(absent)} have no platform", where="platforms=")
    if pool == "standardised":
        return pool, "SD"
    if pool == "direction":
        return pool, "z"
    units: dict[str, list[str]] = {}
    for name, frame in frames.items():
        tested = frame[frame["status"].astype(str) == schema.OK]
        for unit in sorted(set(tested["units"].astype(str))):
            units.setdefault(unit, []).append(name)
    by_platform: dict[str, list[str]] = {}
    for name, platform in sorted((platforms or {}).items()):
        by_platform.setdefault(str(platform), []).append(str(name))
    for noun, groups in (("units", units), ("platforms", by_platform)):
        if len(groups) > 1:
            told = "; ".join(f"{key!r}: {shown(names)}" for key, names in groups.items())
            raise UnitsError(
                f"The cohorts differ in {noun} ({told}), and fold changes of different {noun} "
                "are never pooled",
                where="frames=",
                fix="Choose pool='standardised' (baseline SDs) or pool='direction' (signs and p).",
            )
    return "estimate", next(iter(units), schema.UNKNOWN)


def join(
    frames: Mapping[str, pd.DataFrame],
    pool: str,
    features: Mapping[str, Any] | None,
    several: str,
) -> Cells:
    """Line up the cohorts' rows by contrast and common id."""
    if features is not None:
        _known_cohorts(features, frames, "features=")
    maps = {str(k): v for k, v in (features or {}).items()}
    parts = []
    for number, (name, frame) in enumerate(frames.items()):
        part = _plain(name, frame)
        part["cohort"] = number
        part["id"] = (
            _common_ids(name, part["feature"], maps[name]) if name in maps else part.feature
        )
        part = part[part["id"].notna()]
        parts.append(_one_assay(name, part, pool, several))
    rows = pd.concat(parts, ignore_index=True)
    contrast, contrasts = pd.factorize(rows["contrast"])
    feature, ids = pd.factorize(rows["id"])
    keys, row = np.unique(contrast * len(ids) + feature, return_inverse=True)
    column = rows["cohort"].to_numpy()

    def wide(values: pd.Series, blank: Any) -> np.ndarray:
        out = np.full((len(keys), len(frames)), blank)
        out[row, column] = values.to_numpy()
        return out

    numbers = {c: wide(rows[c], np.nan) for c in _NUMBERS}
    size, size_error = wide(rows["effect_size"], np.nan), wide(rows["size_error"], np.nan)
    standardised = pool == "standardised"
    return Cells(
        cohorts=list(frames),
        contrast=np.asarray(contrasts, dtype=object)[keys // max(len(ids), 1)],
        feature=np.asarray(ids, dtype=object)[keys % max(len(ids), 1)],
        numbers=numbers,
        ok=wide(rows["status"] == schema.OK, False),
        value=size if standardised else numbers["estimate"],
        error=size_error if standardised else numbers["se"],
        size=size,
        size_error=size_error,
    )


def require_shared(cells: Cells, min_cohorts: int) -> None:
    """Raise where no row of any two cohorts meets, which is a matter of names."""
    if min_cohorts == 1 or len(cells.cohorts) == 1:
        return
    if not (np.isfinite(cells.numbers["n_obs"]).sum(axis=1) > 1).any():
        contrasts, features = (dict.fromkeys(v) for v in (cells.contrast, cells.feature))
        raise AnalysisError(
            "No feature stands in two cohorts under the same contrast; the contrasts are "
            f"{shown(contrasts)}, the features {shown(features)}",
            where="frames=",
            fix=f"Give features={{cohort: Series to a common id}}, or rename: {_RENAME}.",
        )


def warn_of_zeros(cells: Cells) -> None:
    """Tell of estimates of exactly 0: se x effect_size / estimate does not exist there."""
    lost = cells.ok & (cells.numbers["estimate"] == 0) & np.isfinite(cells.numbers["se"])
    if lost.any():
        names = dict.fromkeys(cells.feature[lost.any(axis=1)])
        warn(
            f"{int(lost.sum())} rows whose estimate is exactly 0 have no SE in baseline SDs and do "
            f"not enter: {shown(names)}"
        )


def _known_cohorts(given: Any, frames: Mapping[str, Any], where: str) -> None:
    if not isinstance(given, Mapping):
        raise UsageError(
            f"{where}{type(given).__name__} names no cohorts", fix="Give {cohort: ...}, a dict."
        )
    unknown = [k for k in given if str(k) not in frames]
    if unknown:
        raise UsageError(f"{shown(unknown)} are no cohorts; these are {shown(frames)}", where=where)


def _plain(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Text as text, numbers as numbers, each feature and contrast once."""
    part = pd.DataFrame({c: frame[c].astype(str).to_numpy() for c in ("feature", "contrast")})
    part["status"] = frame["status"].astype(str).to_numpy()
    for column in _NUMBERS:
        try:
            part[column] = frame[column].to_numpy(dtype=float)
        except (TypeError, ValueError):
            raise InputError(
                f"The column {column!r} holds text", where=f"frames[{name!r}]"
            ) from None
        if schema.RESULT_COLUMNS[column] == "int64" and not np.isfinite(part[column]).all():
            raise InputError(f"The column {column!r} has gaps", where=f"frames[{name!r}]")
    twice = part.duplicated(["feature", "contrast"])
    if twice.any():
        raise InputError(
            f"{shown(part['feature'][twice].unique())} stand twice in one contrast",
            where=f"frames[{name!r}]",
            fix="Give each cohort as a frame of its own, as tl.differential returned it.",
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        error = part["se"].to_numpy() * part["effect_size"].to_numpy() / part["estimate"].to_numpy()
    part["size_error"] = np.where(error > 0, error, np.nan)
    return part


def _common_ids(name: str, feature: pd.Series, given: Any) -> pd.Series:
    where = f"features[{name!r}]"
    if not isinstance(given, (pd.Series, Mapping)):
        raise UsageError(
            f"{where} is a {type(given).__name__}", fix="Give a Series from feature to common id."
        )
    known = pd.Series(given, dtype=object)
    known.index = known.index.astype(str)
    if known.index.has_duplicates:
        twice = known.index[known.index.duplicated()].unique()
        raise InputError(f"The features {shown(twice)} have several ids", where=where)
    # strings of pandas 3 hold NaN where objects held None
    ids = feature.map(known).astype(object)
    ids = ids.map(lambda i: None if pd.isna(i) or not str(i).strip() else str(i).strip())
    lost = feature[ids.isna()].unique()
    if len(lost) == feature.nunique():
        raise InputError(
            f"None of the features {shown(feature.unique())} is in the Series",
            where=where,
            fix="Its index holds the frame's features, its values the common ids: "
            "adata.var['uniprot'].",
        )
    if len(lost):
        warn(f"{len(lost)} features of {name!r} have no common id and do not enter: {shown(lost)}")
    return ids


def _one_assay(name: str, part: pd.DataFrame, pool: str, several: str) -> pd.DataFrame:
    """One row a common id and contrast: an error, or the assay with the smallest SE."""
    same = part.duplicated(["id", "contrast"], keep=False)
    if not same.any():
        return part
    if several == "error":
        assays = part[same].groupby("id", sort=False)["feature"].unique()
        told = shown(f"{i}: {', '.join(sorted(a))}" for i, a in assays.items())
        raise InputError(
            f"Several assays of {name!r} have one id: {told}",
            where=f"features[{name!r}]",
            fix="Keep one assay each, or say several='smallest_se'; they are never averaged.",
        )
    se = part["se"].where((part["status"] == schema.OK) & (part["se"] > 0))
    keys = part.assign(_se=se, _size=part["size_error"].where(se.notna()))
    order = ["_se", "_size"] if pool == "estimate" else ["_size", "_se"]
    first = keys.sort_values([*order, "feature"], kind="stable", na_position="last")
    return part.loc[first.drop_duplicates(["id", "contrast"]).index.sort_values()]
