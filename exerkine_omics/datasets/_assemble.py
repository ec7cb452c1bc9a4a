"""Pieces of a simulated cohort: visits, effects, platforms joined, bookkeeping of the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import io, schema
from exerkine_omics.datasets._levels import Features, effect_spread, visit_levels
from exerkine_omics.datasets._panel import parameter
from exerkine_omics.datasets._visits import Visits
from exerkine_omics.errors import UsageError, shown

if TYPE_CHECKING:
    from anndata import AnnData

UNITS = {"proteomics": "NPX", "metabolomics": "log2", "mirna": "log2"}
PLATFORM = {
    "proteomics": "simulated_olink",
    "metabolomics": "simulated_ms",
    "mirna": "simulated_qpcr",
}
ANNOTATION = {
    "proteomics": (schema.NAME, schema.GENE_SYMBOL, schema.UNIPROT),
    "metabolomics": (schema.NAME, schema.HMDB, schema.REFMET),
    "mirna": (schema.NAME, schema.MIRBASE, schema.MIMAT),
}


def time_course(design: str, n: int) -> np.ndarray:
    """Share of the whole effect at each time point, 0 at baseline."""
    if design == "acute":
        return np.array([0.0, *(0.5**k for k in range(n - 1))])
    return np.linspace(0, 1, n) if n > 1 else np.zeros(1)


def planted_effects(
    panel: pd.DataFrame, design: str, effects: Mapping[str, float], scale: float
) -> pd.DataFrame:
    """Log2 effect of each feature and its source, the user's in place of the panel's."""
    own = panel[[design, f"{design}_source"]].set_axis(["log2", "source"], axis=1)
    own["log2"] = own["log2"].astype(float)
    mine = [f for f in effects if f in own.index]
    own.loc[mine, "log2"] = [float(effects[f]) for f in mine]
    own.loc[mine, "source"] = "given in the call"
    own["log2"] = own["log2"] * scale
    return own


def effect_table(
    modality: str,
    own: pd.DataFrame,
    arms: Sequence[str],
    control: str,
    timepoints: Sequence[str],
    curve: np.ndarray,
) -> pd.DataFrame:
    """Rows feature x arm x later time point of the true log2 effects."""
    frames = []
    for arm in arms:
        for time, share in zip(timepoints[1:], curve[1:], strict=True):
            frame = pd.DataFrame({"modality": modality, "feature": own.index})
            frame["arm"], frame["timepoint"] = arm, str(time)
            size = own["log2"].to_numpy() * share * (arm != control)
            # 0 and -0.0 both appear otherwise
            frame["log2_effect"] = size + 0.0
            frame["source"] = np.where(size != 0, own["source"].to_numpy(), "")
            frames.append(frame)
    columns = ["modality", "feature", "arm", "timepoint", "log2_effect", "source"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def measure(
    visits: Visits,
    modality: str,
    features: Features,
    levels: np.ndarray,
    panel: pd.DataFrame,
    log2: np.ndarray,
    exercises: np.ndarray,
    curve: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Return samples x features before anything is lost."""
    table = features.table
    n = len(levels)
    noise = np.stack(
        [visit_levels(features, modality, v, n, seed) for v in range(len(visits.timepoints))]
    )
    spread = effect_spread(panel, modality, n, parameter("all", "effect_cv"), seed)
    person, visit = visits.person, visits.visit
    x = table["mean"].to_numpy() + table["sd_between"].to_numpy() * levels[person]
    x = x + table["sd_within"].to_numpy() * noise[visit, person]
    size = np.where(exercises[person], curve[visit], 0.0)
    x = x + size[:, None] * log2 * spread[person]
    return x + visits.severity[:, None] * panel["haemolysis"].to_numpy(dtype=float)


def predictor_score(
    panels: Mapping[str, pd.DataFrame],
    features: Mapping[str, Features],
    levels: Mapping[str, np.ndarray],
    n: int,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Weighted sum of true standardised levels, with variance one in the population."""
    score, loading, unique = np.zeros(n), 0.0, 0.0
    rows = []
    for modality, panel in panels.items():
        weight = panel["predictor"].to_numpy(dtype=float)
        common = features[modality].loadings
        score = score + levels[modality] @ weight
        loading = loading + weight @ common
        unique += float((weight**2 * (1 - (common**2).sum(axis=1))).sum())
        rows += [(modality, f, w) for f, w in zip(panel.index, weight, strict=True) if w]
    predictors = pd.DataFrame(rows, columns=["modality", "feature", "weight"])
    if not rows:
        return score, predictors
    sd = float(np.sqrt(np.sum(np.square(loading)) + unique))
    predictors["weight"] /= sd
    return score / sd, predictors


def as_adata(visits: Visits, modality: str, panel: pd.DataFrame, x: np.ndarray) -> AnnData:
    """Wrap one platform with its annotation."""
    features = panel.copy()
    features[schema.MIRBASE] = features[schema.NAME]
    return io.from_frames(
        pd.DataFrame(x, index=visits.sheet.index, columns=panel.index),
        visits.sheet,
        features[list(ANNOTATION[modality])],
        subject=schema.SUBJECT,
        timepoint=schema.TIMEPOINT,
        baseline=visits.timepoints[0],
        arm=schema.ARM,
        units=UNITS[modality],
        modality=modality,
        timepoint_order=[t for t in visits.timepoints if t in set(visits.sheet[schema.TIMEPOINT])],
        species="human",
        matrix_type="plasma_edta",
        platform=PLATFORM[modality],
    )


def lacking(
    adata: AnnData, modality: str, below: np.ndarray, lost: np.ndarray, how: str
) -> pd.DataFrame:
    """Cells without a value, or with one below LOD, and why."""
    frames = []
    for mask, reason in ((lost, "random"), (below, "below_lod" + "_kept" * (how == "keep"))):
        row, column = np.nonzero(mask)
        frames.append(
            pd.DataFrame(
                {
                    "modality": modality,
                    schema.SAMPLE_ID: adata.obs_names[row],
                    "feature": adata.var_names[column],
                    "reason": reason,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def check_request(
    n_subjects: int,
    sizes: Mapping[str, int],
    arms: Sequence[str],
    timepoints: Sequence[str],
    shares: Mapping[str, float],
    sds: Mapping[str, float],
    choices: Mapping[str, tuple[str, Sequence[str]]],
) -> None:
    """Raise `UsageError` for what cannot be simulated."""
    for name, (choice, known) in choices.items():
        if choice not in known:
            raise UsageError(f"{name}={choice!r} is not known", fix=f"One of {', '.join(known)}.")
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise UsageError(f"{name}={value!r} is no share", fix="Give a number from 0 to 1.")
    for name, value in sds.items():
        if not 0 <= value < np.inf:
            raise UsageError(f"{name}={value!r} is no SD", fix="Give a number from 0 up.")
    if n_subjects < 1 or not any(sizes.values()):
        raise UsageError(f"There is nothing to simulate: {n_subjects} people, {dict(sizes)}")
    for name, labels in (("arms", arms), ("timepoints", timepoints)):
        if isinstance(labels, str) or not len(labels) or len(set(labels)) < len(labels):
            raise UsageError(f"{name}={labels!r} are no distinct names", fix="Give a tuple.")
    if any("|" in str(t) for t in timepoints):
        raise UsageError(
            f"A time point holds '|': {shown(timepoints)}",
            fix="Visits are named subject|timepoint.",
        )


def check_effects(effects: Mapping[str, float], panels: Mapping[str, pd.DataFrame]) -> None:
    """Raise `UsageError` for effects of features that are not simulated."""
    known: list[Any] = [f for p in panels.values() for f in p.index]
    unknown = [f for f in effects if f not in set(known)]
    if unknown:
        near = get_close_matches(str(unknown[0]), known, n=3)
        raise UsageError(
            f"No simulated feature is called {shown(unknown)}",
            where="effects=",
            fix=f"Near: {shown(near)}." if near else "See exo.datasets.simulate().truth.features.",
        )
