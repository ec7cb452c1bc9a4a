"""Scorers as users name them: options, the stored reference, what a panel can bear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._meta import meta
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown
from exerkine_omics.kernels._scorer import Scorer
from exerkine_omics.kernels._scorers import SCORERS
from exerkine_omics.kernels._scores import Reference
from exerkine_omics.sig import Signature

SMALL_PANEL = 200
"""Features below which a panel is small for scores that compare members with the others."""

FEW_SAMPLES = 10
"""Samples below which a feature has no distribution to speak of."""

_ORIGIN = (schema.UNITS, schema.PLATFORM, schema.SPECIES)


def choose_scorer(method: object, given: Mapping[str, Any]) -> tuple[Scorer, dict[str, Any]]:
    """Find a scorer and fill in its options; those that are None were not given.

    Raises
    ------
    UsageError
        If there is no such scorer, option or value.
    """
    if not isinstance(method, str) or method not in SCORERS:
        raise UsageError(f"There is no scorer {method!r}", fix=f"Known: {', '.join(SCORERS)}.")
    scorer = SCORERS[method]
    known = scorer.options or {}
    foreign = [k for k, v in given.items() if v is not None and k not in known]
    if foreign:
        own = ", ".join(known)
        raise UsageError(
            f"{shown(foreign)} is no option of scorer {method!r}",
            fix=f"Its options: {own}." if own else "It has none.",
        )
    chosen = scorer.defaults() | {k: v for k, v in given.items() if v is not None}
    for name, value in chosen.items():
        allowed = known[name][1]
        if float in allowed:
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not number or not 0 <= value < np.inf:
                raise UsageError(f"{name}={value!r} is no number from 0 up")
        elif not isinstance(value, bool):
            raise UsageError(f"{name}={value!r} is neither True nor False")
    return scorer, chosen


def reference_frame(adata: AnnData, reference: Reference) -> pd.DataFrame:
    """Mean and SD of each feature, with the unit, platform and species they belong to."""
    frame = pd.DataFrame(
        {
            "feature": pd.Categorical(adata.var_names.astype(str)),
            "mean": reference.mean,
            "sd": reference.sd,
        }
    )
    for key in _ORIGIN:
        frame[key] = pd.Categorical([str(meta(adata).get(key, schema.UNKNOWN))] * len(frame))
    return frame


def reference_for(adata: AnnData, frame: pd.DataFrame) -> Reference:
    """Line up a stored reference with a panel by feature id; other features have none.

    Raises
    ------
    InputError
        If columns are missing or hold text, a feature stands twice, an SD is not positive, none
        of the features is on the panel, or platform or species differ.
    UnitsError
        If the unit differs.
    """
    where = "reference="
    needed = ["feature", "mean", "sd"]
    if not isinstance(frame, pd.DataFrame) or not set(needed) <= set(frame.columns):
        raise InputError(
            "A reference is a frame with feature, mean and sd",
            where=where,
            fix="Take exo.get.score_reference(adata) of the cohort that sets the scale.",
        )
    for key in _ORIGIN:
        own = str(meta(adata).get(key, schema.UNKNOWN))
        theirs = [str(v) for v in pd.unique(frame[key])] if key in frame else []
        other = [v for v in theirs if v not in (own, schema.UNKNOWN)]
        if other and own != schema.UNKNOWN:
            kind = UnitsError if key == schema.UNITS else InputError
            raise kind(
                f"The reference has {key} {shown(other)} and these samples {own!r}",
                where=where,
                fix="Score against a reference measured the same way.",
            )
    name = frame["feature"].astype(str)
    if name.duplicated().any():
        raise InputError(
            f"{shown(name[name.duplicated()])} stand twice in the reference", where=where
        )
    mean, sd = (_numbers(frame, column) for column in ("mean", "sd"))
    wrong = (sd <= 0) | np.isinf(sd) | np.isinf(mean)
    if wrong.any():
        raise InputError(
            f"Means of {shown(name[wrong])} are infinite, or SDs not positive", where=where
        )
    numbers = pd.DataFrame({"mean": mean, "sd": sd}, index=name)
    lined = numbers.reindex(adata.var_names.astype(str))
    if not lined.notna().all(axis=1).any():
        raise InputError(
            f"No feature of the reference ({shown(name)}) is on this panel",
            where=where,
            fix="Features are matched by id (var_names), and need a mean and an SD.",
        )
    return Reference(lined["mean"].to_numpy(float), lined["sd"].to_numpy(float))


def _numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    try:
        return frame[column].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(
            f"The column {column!r} of the reference holds text",
            where="reference=",
            fix="Make it numbers.",
        ) from None


def samples_note(scorer: Scorer, n_samples: int) -> str:
    """Say that there are too few samples to learn from; empty where there are enough."""
    if scorer.learns_from != "all" or n_samples >= FEW_SAMPLES:
        return ""
    return (
        f"{scorer.name} takes each feature's distribution from all samples, and {n_samples} give "
        "none: these scores say little. Other scorers need no other sample."
    )


def panel_note(scorer: Scorer, n_features: int) -> str:
    """Say that a score means little on this panel; empty where nothing speaks against it."""
    if not scorer.competitive or n_features >= SMALL_PANEL:
        return ""
    return (
        f"{scorer.name} compares the members with the panel's other features, and this panel has "
        f"{n_features} features in all: on a panel made of candidates the others respond as well, "
        "and the score says little. baseline_z compares members with their own baseline."
    )


def signature_notes(signatures: Iterable[Signature], known: Mapping[str, Any]) -> list[str]:
    """Say which signatures were made for another species or sampling matrix than ``known`` has."""
    species, matrix = (str(known.get(k, schema.UNKNOWN)) for k in (schema.SPECIES, schema.MATRIX))
    notes = []
    for s in signatures:
        if species not in (s.species, schema.UNKNOWN):
            notes.append(f"{s.name} is a {s.species} signature; these samples are {species}.")
        if s.matrix and matrix not in (*s.matrix, schema.UNKNOWN):
            notes.append(
                f"{s.name} was found in {', '.join(s.matrix)}; these samples are {matrix}."
            )
    return notes
