"""The section on quality: what was done to the data, what the tubes look like, and its figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import pl, pp, schema
from exerkine_omics.cohort import findings_frame, meta, timepoints
from exerkine_omics.errors import AnalysisError
from exerkine_omics.pl._qc_haemolysis import made_with
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._files import records
from exerkine_omics.workflow._inputs import Cohort
from exerkine_omics.workflow._prepare import Prepared

_MOST = 30  # rows of a table, features of a figure
_IMPUTED = (
    "Missing values were filled before the tests, which take them as measured: p values are too "
    "small by as much as there is to fill."
)
_ADJUSTED = (
    "Batches were taken off before the tests, which do not know that they were estimated: for a "
    "test the plate is better a covariate (docs/batch.md)."
)


def quality(cohort: Cohort, figures: Figures) -> dict[str, Any]:
    """Draw what there is to draw; return the numbers behind it.

    The components are kept in ``obsm["X_pca"]``. Tubes that are no person's are drawn from the
    cohort as it was before they were left out.
    """
    adata = cohort.adata
    several = len(timepoints(adata)) > 1
    made = cohort.prepared or Prepared(adata)
    tubes = made.tubes if made.tubes is not None else adata
    draw = _Drawer(figures)
    config = cohort.config.prepare
    summary: dict[str, Any] = {
        "steps": [_step(s) for s in (asdict(step) for step in made.steps)],
        "mended": records(findings_frame(cohort.mended).drop(columns="id")),
        "notes": [
            note
            for note, there in (
                (_IMPUTED, config is not None and config.impute is not None),
                (_ADJUSTED, config is not None and config.combat is not None),
            )
            if there
        ],
        "flow": records(draw(adata, "flow", "From tubes to people to pairs.")) if several else [],
        "plates": _plates(tubes, draw),
        "lod": _lod(adata, draw),
        "pca": _components(adata, draw),
        "drift": _drift(adata, tubes, made.before, draw),
        "haemolysis": _haemolysis(adata, draw),
        "plasma_volume": _plasma_volume(adata, draw) if several else [],
    }
    made.tubes = made.before = None  # they served the figures
    return summary


class _Drawer:
    """Draw a kind of `exo.pl.qc` for the report; hand back the frame that was drawn."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    def __call__(
        self,
        adata: AnnData,
        kind: str,
        caption: str,
        *,
        name: str = "",
        height: float = 4.6,
        **options: Any,
    ) -> pd.DataFrame:
        kept: list[pd.DataFrame] = []

        def draw(ax: Any) -> None:
            drawn = pl.qc(adata, kind, ax=ax, return_data=True, **options)
            kept.append(cast("tuple[Any, pd.DataFrame]", drawn)[1])

        self.figures.add(
            "qc",
            f"qc_{name or kind}",
            draw,
            caption=caption,
            alt=caption.rstrip("."),
            size=(7.2, height),
        )
        return kept[0]


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """One row of the table, its parameters as words."""
    words = json.loads(step.pop("parameters"))
    told = [
        f"{k}: {', '.join(map(str, v)) if isinstance(v, list) else v}" for k, v in words.items()
    ]
    return {**step, "notes": list(step["notes"]), "parameters": "; ".join(told)}


def _several(adata: AnnData) -> bool:
    return schema.PLATE_ID in adata.obs and adata.obs[schema.PLATE_ID].nunique() > 1


def _plates(tubes: AnnData, draw: Callable[..., pd.DataFrame]) -> list[dict[str, Any]]:
    if not _several(tubes):
        return []
    n = tubes.obs[schema.PLATE_ID].nunique()
    words = "Share of missing values, and number of tubes, by plate and time point."
    frame = draw(tubes, "plate", words, height=float(np.clip(1.7 + 0.3 * n, 3.0, 15.0)))
    return records(frame)


def _lod(adata: AnnData, draw: Callable[..., pd.DataFrame]) -> dict[str, Any] | None:
    if schema.BELOW_LOD not in adata.layers:
        return None
    words = "Share of samples below the limit of detection, where it differs most by time."
    ever = int(np.asarray(adata.layers[schema.BELOW_LOD]).any(axis=0).sum())
    height = float(np.clip(1.7 + 0.3 * min(ever, _MOST), 3.0, 12.0))
    frame = draw(adata, "lod", words, height=height)
    below = (frame["below"] * frame["n_samples"]).groupby(frame["feature"], sort=False).sum()
    n = frame.groupby("feature", sort=False)["n_samples"].sum()
    table = pd.DataFrame({"below": below / n.where(n > 0), "n_samples": n})
    changed = frame.groupby("feature", sort=False)["below"].agg(lambda s: s.max() - s.min())
    top = table.assign(difference=changed).sort_values(
        ["difference", "below"], ascending=False, kind="stable"
    )
    top = top[top["below"] > 0].head(_MOST).reset_index()
    return {
        "n_features": adata.n_vars,
        "n_below_in_some": int((table["below"] > 0).sum()),
        "n_below_in_half": int((table["below"] > 0.5).sum()),
        "features": records(top),
    }


def _components(adata: AnnData, draw: Callable[..., pd.DataFrame]) -> dict[str, Any] | None:
    try:
        pp.pca(adata)
    except AnalysisError:  # too few samples or features
        return None
    before = schema.PCA_BEFORE in adata.obsm
    colours = {"time point": schema.TIMEPOINT}
    if _several(adata):
        colours["plate"] = schema.PLATE_ID
    for word, column in colours.items():
        if before:
            draw(
                adata, "pca", f"Principal components before the correction, by {word}.",
                name=f"pca_before_{column}", color=column, before=True,
            )  # fmt: skip
        after = " after it" if before else ""
        draw(
            adata, "pca", f"Principal components{after}, by {word}.", name=f"pca_{column}",
            color=column,
        )  # fmt: skip
    return {
        "variance_ratio": _ratio(adata, schema.PCA),
        "variance_ratio_before": _ratio(adata, schema.PCA_BEFORE) if before else [],
    }


def _ratio(adata: AnnData, key: str) -> list[float]:
    return [float(v) for v in adata.uns[key.removeprefix("X_")]["variance_ratio"][:5]]


def _drift(
    adata: AnnData, tubes: AnnData, before: AnnData | None, draw: Callable[..., pd.DataFrame]
) -> dict[str, Any] | None:
    if schema.RUN_ORDER not in tubes.obs and not _several(tubes):
        return None
    if before is not None:
        draw(before, "drift", "Level of each tube, before normalisation.", name="drift_before")
    after = ", after it" if before is not None else ""
    draw(tubes, "drift", f"Level of each tube{after}.")
    stored = meta(adata).get(schema.DRIFT)
    if stored is None:
        return {"n_corrected": 0, "sd_before": None, "sd_after": None}
    good = stored[stored["status"].astype(str) == schema.OK]
    return {
        "n_corrected": int(good["feature"].nunique()),
        "sd_before": float(good["sd_before"].median()) if len(good) else None,
        "sd_after": float(good["sd_after"].median()) if len(good) else None,
    }


def _haemolysis(adata: AnnData, draw: Callable[..., pd.DataFrame]) -> dict[str, Any] | None:
    if schema.HAEMOLYSIS not in adata.obs:
        return None
    frame = draw(adata, "haemolysis", "Haemolysis index of each sample, by time point.")
    method, limits = made_with(adata)
    flags = frame["flag"].value_counts()
    hit = frame[frame["flag"] == "yes"].sort_values("index", ascending=False)
    return {
        "method": method,
        "limits": limits,
        "counts": {f: int(flags.get(f, 0)) for f in ("no", "possible", "yes", "unknown")},
        "haemolysed": [str(s) for s in hit[schema.SAMPLE_ID]],
    }


def _plasma_volume(adata: AnnData, draw: Callable[..., pd.DataFrame]) -> list[dict[str, Any]]:
    if schema.PLASMA_VOLUME not in adata.obs:
        return []
    frame = draw(adata, "plasma_volume", "Change of each person's plasma volume.")
    keys = [k for k in (schema.ARM, schema.TIMEPOINT) if k in frame]
    grouped = frame.groupby(keys, sort=False, observed=True)[schema.PLASMA_VOLUME]
    table = grouped.agg(n="count", mean="mean", sd="std", low="min", high="max").reset_index()
    return records(table)
