"""Which analytes changed: within people, and against a control arm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Contrasts,
    Design,
    add_step,
    build_design,
    collect,
    dense,
    require_log,
    require_slug,
    result_rows,
)
from exerkine_omics.errors import InputError, UnitsError, UsageError
from exerkine_omics.kernels._effect import between_sd, small_sample_factor
from exerkine_omics.parallel import blocks
from exerkine_omics.tl._methods import METHODS


def differential(
    adata: AnnData,
    *,
    timepoint: str = schema.TIMEPOINT,
    subject: str = schema.SUBJECT,
    arm: str | None = schema.ARM,
    control: str | None = None,
    covariates: Sequence[str] = (),
    moderators: Sequence[str] = (),
    contrasts: Contrasts | None = None,
    joint: bool = False,
    baseline: str | None = None,
    method: str = "lmm",
    ddf: str | None = None,
    variance: str | None = None,
    moderate: bool | None = None,
    legacy: bool | None = None,
    layer: str | None = None,
    key_added: str = "differential",
) -> pd.DataFrame:
    r"""Test every feature for change over time, within people and between arms.

    Use it on a cohort with a baseline and at least one later time point. Without a control arm
    the result is change over time, which is not attributable to exercise.

    The model is ``0 + arm:timepoint + covariates`` with the subject as random intercept
    (``lmm``) or block (``moderated``), fitted on all rows a feature has. ``lmm`` is REML over
    the variance ratio; the estimate, its SE and df are those of lmerTest (Satterthwaite) or of
    pbkrtest (Kenward-Roger, with its adjusted SE). ``moderated`` absorbs the subject and
    moderates the residual variance :math:`s^2` (:math:`d` df) towards the features' common prior
    :math:`s_0^2` (:math:`d_0` df):

    .. math:: \tilde s^2 = (d_0 s_0^2 + d s^2) / (d_0 + d), \quad
              t = c^T \hat\beta / (\tilde s \sqrt{c^T (X^T X)^{-} c}), \quad df = d_0 + d

    ``paired_t`` tests each person's own contrast against zero; between arms it is Welch's t of
    the changes. Which one: ``lmm`` by default; ``moderated`` for few people and many features;
    ``paired_t``, or ``variance="contrast"``, where one time point varies far more than another
    (IL-6 at the finish line), since a pooled variance is wrong there.

    Parameters
    ----------
    adata
        Samples x features on a log scale.
    timepoint, subject, arm
        Columns of ``obs``. The default arm is used when it is there; ``arm=None`` pools.
    control
        Arm whose change is subtracted.
    covariates
        Columns of ``obs``, standardised inside. One that is constant within a person barely moves
        a within-person change.
    contrasts
        None: each later time point against baseline in each arm, and minus the control arm's
        with ``control``. Else ``{name: expression}`` over cells, as in
        ``{"ee_vs_con": "(EE.post - EE.pre) - (CON.post - CON.pre)"}``.
    method
        ``lmm``, ``moderated`` or ``paired_t`` (which takes no covariates).
    ddf
        For ``lmm``: ``kenward-roger`` (default), ``satterthwaite`` or ``residual``.
    variance
        For ``lmm``: ``pooled`` (default), or ``contrast``, which fits each contrast on the rows
        of its own cells.
    legacy
        For ``moderated``: the variance prior of limma before 3.62 also where residual df
        differ between features (that is, under NaN). Default False.
    layer
        Layer tested in place of X; it has X's units.
    key_added
        Key of ``uns`` that receives the frame.

    Returns
    -------
    DataFrame
        One row a feature and contrast: feature, contrast, estimate, se, df, statistic, p_value,
        p_adj, ci_low, ci_high (95%), effect_size, n_pairs, n_obs, method, units, family, status.
        ``estimate`` is in the unit of X: log2 fold change on a log2 scale. ``effect_size`` is
        estimate / baseline SD between people (pooled within arms), times Hedges' factor.
        ``n_pairs`` counts people with all cells of the contrast. ``p_adj`` is Benjamini-Hochberg
        within the contrast.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        If columns or values of the design are missing, or a person has two samples of one cell.
    UsageError
        If a contrast, method or option does not exist.

    Notes
    -----
    Missing values: a NaN cell is the same as an absent row for that feature.

    References
    ----------
    Smyth GK (2004) Linear models and empirical Bayes methods for assessing differential
    expression in microarray experiments. Stat Appl Genet Mol Biol 3:3.
    doi:10.2202/1544-6115.1027

    Kenward MG, Roger JH (1997) Small sample inference for fixed effects from restricted maximum
    likelihood. Biometrics 53:983-997.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> cohort = exo.datasets.simulate(seed=1)
    >>> frame = exo.tl.differential(cohort.adata, control="CON")
    >>> sorted(frame["contrast"].cat.categories)[:2]
    ['CON: post - pre', 'EE - CON: post - pre']
    """
    if method not in METHODS:
        raise UsageError(f"There is no method {method!r}", fix=f"Known: {', '.join(METHODS)}.")
    options = METHODS[method].choose(
        {"ddf": ddf, "variance": variance, "moderate": moderate, "legacy": legacy}
    )
    if len(covariates) and method == "paired_t":
        raise UsageError("paired_t takes no covariates", fix="Use method='lmm' or 'moderated'.")
    if layer in (schema.RAW, schema.BELOW_LOD, schema.IMPUTED):
        raise UnitsError(
            f"The layer {layer!r} is not on the scale of X",
            where="layer=",
            fix="Test X; a mask or raw values are no log2 values.",
        )
    require_slug(key_added)
    units = require_log(adata, "tl.differential")
    if adata.n_vars == 0:
        raise InputError("There is no feature to test", where="var", fix="Look at the filters.")
    design = build_design(
        adata,
        timepoint=timepoint,
        subject=subject,
        arm=arm,
        control=control,
        covariates=covariates,
        contrasts=contrasts,
        moderators=moderators,
        joint=joint,
        constrained=baseline == "constrained",
    )
    values = dense(adata, layer)
    tested = METHODS[method].run(values, design, options)
    sd, sd_df = _baseline_sd(values, design)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_unit = small_sample_factor(sd_df) / np.where(sd > 0, sd, np.nan)
    frames = [
        result_rows(
            adata.var_names,
            contrast.name,
            estimate=result.estimate,
            se=result.se,
            df=np.asarray(result.df, dtype=float),
            effect_size=result.estimate * per_unit,
            n_pairs=result.n_pairs,
            n_obs=result.n_obs,
            status=result.status,
            method=f"{method} (F, {result.rank} df)" if contrast.joint else method,
            units=units,
            statistic=result.statistic,
            p_value=result.p_value,
        )
        for contrast, result in zip(design.contrasts, tested, strict=True)
    ]
    frame = collect(frames)
    adata.uns[key_added] = frame
    add_step(
        adata,
        "tl.differential",
        method=method,
        **options,
        arm=arm,
        control=control,
        covariates=list(covariates),
        contrasts=[c.name for c in design.contrasts],
        key_added=key_added,
    )
    return frame


def _baseline_sd(values: np.ndarray, design: Design) -> tuple[np.ndarray, np.ndarray]:
    at_start = np.array([c.timepoint == design.baseline for c in design.cells])
    rows = np.flatnonzero(at_start[design.cell])
    group = design.cell[rows]
    parts = [between_sd(values[rows, b], group) for b in blocks(values.shape[1])]
    sd, df = (np.concatenate(part) for part in zip(*parts, strict=True))
    return sd, df
