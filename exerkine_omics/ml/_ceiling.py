"""The best that any predictor can do which does not see the measurement error."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exerkine_omics.cohort import ResponseSpec
from exerkine_omics.cohort._outcomes import stratum
from exerkine_omics.kernels import _response as kernel
from exerkine_omics.ml._outcome import Outcome

_NAN = float("nan")


def auc_ceiling(
    outcome: Outcome,
    everyone: pd.DataFrame | None = None,
    sites: np.ndarray | None = None,
    leave_out: str | None = None,
) -> tuple[float, float, str]:
    """Highest AUC and R² of a predictor that does not see the measurement error, or why not.

    ``rho^2 = SDir^2 / SD(change)^2`` as in `exo.tl.responders`, SDir from the control arm where
    ``everyone`` has one, else from the typical error, ``SDir^2 = SD(change)^2 - 2 TE^2``. The AUC
    is that of the true response, at the label's own cut. With ``sites`` (people) both are within
    sites: SD and means of the change are the sites' own, their AUCs weighted by pairs of label,
    their R² by people; so is the control arm's SD where its table has the column ``leave_out``.
    """
    spec = outcome.spec
    if spec is None or outcome.change is None:
        return (
            _NAN,
            _NAN,
            "The outcome is given as labels: without the typical error of the "
            "measurement the highest attainable AUC is not known (give (ResponseSpec, frame)).",
        )
    if spec.adjust:
        text = "The label is cut on the adjusted change: its highest attainable AUC is not known."
        return _NAN, _NAN, text
    known = np.isfinite(outcome.change)
    sign = 1.0 if spec.direction == "up" else -1.0
    change, strata = sign * outcome.change[known], stratum(outcome.frame, spec.strata)[known]
    site = np.full(known.sum(), "") if sites is None else sites[known]
    both = strata if sites is None else np.char.add(np.char.add(site, "\x1f"), strata.astype(str))
    spread, _ = kernel.pooled_sd(change, both) if known.sum() > 2 else (_NAN, 0.0)
    if not spread > 0:
        return _NAN, _NAN, "Too few changes to know the attainable AUC."
    noise, source = _noise(spec, outcome, everyone, set(strata), leave_out)
    own = float(np.sqrt(max(0.0, spread**2 - noise**2)))
    threshold = spec.cut_in(outcome.frame)
    half = 0.0
    if spec.label_rule == "category":
        half = spec.noise(outcome.frame if everyone is None else everyone).half_width(spec.level)

    found = []
    for name in np.unique(site):
        rows = np.flatnonzero(site == name)
        mine = change[rows]
        pairs = float((mine > threshold + half).sum() * (mine <= threshold - half).sum())
        if spec.label_rule == "change":
            parts = [mine[strata[rows] == s] for s in np.unique(strata[rows])]
            means, sizes = np.array([(p.mean(), len(p)) for p in parts]).T
            value = kernel.attainable_in_strata(means, sizes, own, spread, threshold)
        else:
            low, high = ((threshold + side * half - mine.mean()) / spread for side in (-1, 1))
            value = (own / spread) ** 2, kernel.attainable_auc(own / spread, low, high)
        found.append((*value, len(rows), pairs if sites is not None else 1.0))
    each = np.array(found)
    paired = each[:, 3] > 0
    r2 = float(np.average(each[:, 0], weights=each[:, 2]))
    area = float(np.average(each[paired, 1], weights=each[paired, 3])) if paired.any() else _NAN
    where = "" if sites is None else "within sites "
    text = (
        f"Attainable AUC {where}{area:.2f} (R2 {r2:.2f}): {source}, SD of the change {spread:.3g}."
    )
    if own == 0:
        text += " The changes vary no more than the measurement does: nothing is there to predict."
    return area, r2, text


def _noise(
    spec: ResponseSpec,
    outcome: Outcome,
    everyone: pd.DataFrame | None,
    strata: set[str],
    leave_out: str | None,
) -> tuple[float, str]:
    """SD of a change by noise alone, and where it comes from."""
    if everyone is not None and spec.arm is not None and spec.control is not None:
        rows = everyone[everyone[spec.arm].astype(str) == str(spec.control)]
        change, label = spec.change(rows), stratum(rows, spec.strata)
        use = np.isfinite(change) & np.isin(label, list(strata))
        if leave_out in rows:
            site = rows[leave_out].astype(str).to_numpy(dtype=str)
            label = np.char.add(np.char.add(site, "\x1f"), label.astype(str))
        sd, df = kernel.pooled_sd(change[use], label[use]) if use.sum() > 2 else (_NAN, 0.0)
        if df > 0 and np.isfinite(sd):
            return sd, f"SD of the control arm's change {sd:.3g}"
    noise = spec.noise(outcome.frame)
    text = f"typical error {noise.typical_error:.3g} (of another study: over the weeks of a "
    return noise.sd_change, text + "trial people vary more, and less is attainable)"
