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
    Stored,
    add_step,
    build_design,
    collect,
    detected,
    matrix,
    numeric_weights,
    require_same_members,
    require_testable,
    result_rows,
)
from exerkine_omics.errors import UsageError, shown, warn
from exerkine_omics.kernels._effect import Moments, join_moments, moments, small_sample_factor
from exerkine_omics.parallel import blocks
from exerkine_omics.tl._method import Tested
from exerkine_omics.tl._methods import METHODS
from exerkine_omics.tl._variances import cells_of, variance_notes


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
    block: str | None = None,
    trend: bool | None = None,
    robust: bool | None = None,
    legacy: bool | None = None,
    weights: str | None = None,
    n_permutations: int | None = None,
    layer: str | None = None,
    key_added: str = "differential",
) -> pd.DataFrame:
    r"""Test every feature for change over time, within people and between arms.

    Use it on a cohort with a baseline and at least one later time point. Without a control arm
    the result is change over time, which is not attributable to exercise.

    The model is ``0 + arm:timepoint + covariates`` with the subject as random intercept
    (``lmm``) or block (``moderated``), fitted on all rows a feature has. ``lmm`` is REML over
    the variance ratio; the estimate, its SE and df are those of lmerTest (Satterthwaite) or of
    pbkrtest (Kenward-Roger, with its adjusted SE). ``moderated`` is limma: the residual variance
    :math:`s^2` (:math:`d` df) is squeezed towards the features' common prior :math:`s_0^2`
    (:math:`d_0` df),

    .. math:: \tilde s^2 = (d_0 s_0^2 + d s^2) / (d_0 + d), \quad
              t = c^T \hat\beta / (\tilde s \sqrt{c^T (X^T X)^{-} c}), \quad df = d_0 + d

    ``moderate=True`` does the same to ``lmm``: there :math:`d = 2 \hat\sigma^4 / var(\hat\sigma^2)`
    from the expected information (the within-person df of a complete design, where the result is
    limma's), SEs are multiplied by :math:`\tilde s / s` and dfs gain :math:`d_0`.

    Which one: ``lmm`` by default; ``moderated`` for few people and many features
    (``moderate=True`` is liberal where few people hardly differ: docs/theory.md); ``paired_t``, or
    ``variance="contrast"`` where nobody dropped out, if one time point varies far more than
    another (IL-6 at the finish line), since a pooled variance is wrong there: a warning names the
    features whose SD between people differs so, as far as the people suffice to see it. ``voom``
    takes counts.

    Parameters
    ----------
    adata
        Samples x features on a log scale (counts for ``voom``). X may stay in its file (backed
        h5ad, zarr): it is read 512 features at a time.
    timepoint, subject, arm
        Columns of ``obs``. The default arm is used when it is there; ``arm=None`` pools.
    control
        Arm whose change is subtracted.
    covariates
        Columns of ``obs``, standardised inside. One that is constant within a person barely moves
        a within-person change.
    moderators
        Columns of ``obs`` (sex, age, training status) whose interaction with each contrast is
        tested: rows ``<contrast> x age`` hold the difference of the contrast a unit of age (or
        level of a factor), and the plain contrasts are then those of the average person.
    contrasts
        None: each later time point against baseline in each arm, and minus the control arm's
        with ``control``. Else ``{name: expression}`` over cells, as in
        ``{"ee_vs_con": "(EE.post - EE.pre) - (CON.post - CON.pre)"}``; a list of expressions is
        one joint F test.
    joint
        Add to the default contrasts the F tests over all later times: ``any change`` in each
        arm and beyond the control's, and ``arm x time``.
    baseline
        For ``lmm``: ``free`` (default), or ``constrained``: the arms of a randomised trial share
        one baseline mean, which gains precision; never where people were not randomised.
    method
        ``lmm``, ``moderated``, ``voom``, ``paired_t``, ``wilcoxon``, ``signflip`` or ``mcnemar``;
        the last four test each person's own contrast and take no covariates. ``mcnemar`` tests
        with ``layer="below_lod"`` whether a feature is detected more often (docs/lod.md).
    ddf
        For ``lmm``: ``kenward-roger`` (default), ``satterthwaite`` or ``residual``.
    variance
        For ``lmm``: ``pooled`` (default), or ``contrast``, which fits each contrast on the rows
        of its own cells.
    moderate
        For ``lmm``: squeeze the residual variances across features. Default False.
    block
        For ``moderated``: ``fixed`` (default) absorbs the subject; ``correlation`` is limma's
        consensus correlation within subjects, which also tests levels between people.
    trend, robust
        For ``moderated``: the prior variance follows mean level; outlying variances are squeezed
        less. Default False.
    legacy
        For ``moderated``: the variance prior of limma before 3.62 also where residual df
        differ between features (that is, under NaN). Default False.
    weights
        For ``moderated``: column of ``obs`` with a positive precision weight a sample.
    n_permutations
        For ``signflip``: sign flips drawn where not all can be visited.
    layer
        Layer tested in place of X; it has X's units (``below_lod`` with ``mcnemar`` alone).
    key_added
        Key of ``uns`` that receives the frame; with ``lmm`` and a pooled variance
        ``<key>_variances`` receives the features whose SD differs between time points.

    Returns
    -------
    DataFrame
        One row a feature and contrast: feature, contrast, estimate, se, df, statistic, p_value,
        p_adj, ci_low, ci_high (95%), effect_size, n_pairs, n_obs, method, units, family, status.
        ``estimate`` is in the unit of X: log2 fold change on a log2 scale. ``effect_size`` is
        estimate / baseline SD between people (pooled within arms), times Hedges' factor; NaN where
        the baseline has fewer than 2 df.
        ``n_pairs`` counts people with all cells of the contrast (of a joint test, of its contrast
        with fewest). ``p_adj`` is Benjamini-Hochberg
        within the contrast (for ``signflip`` max-T, which controls the family-wise error). A
        joint test has statistic F, its denominator's df, and no estimate; ``method`` holds its
        numerator's df.

    Raises
    ------
    UnitsError
        If X is not on a log scale (for ``voom``: not counts).
    InputError
        If columns or values of the design are missing, a person has two samples of one cell, or
        covariates are not separable (they are named).
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
    if baseline not in (None, "free", "constrained"):
        raise UsageError(
            f"baseline={baseline!r} is not known",
            fix="Known: 'free', 'constrained'. The baseline level is uns['exerkine']['baseline'].",
        )
    if not isinstance(joint, bool):
        raise UsageError(f"joint={joint!r} is neither True nor False")
    covariates, moderators = covariates or (), moderators or ()
    if not isinstance(method, str) or method not in METHODS:
        raise UsageError(f"There is no method {method!r}", fix=f"Known: {', '.join(METHODS)}.")
    test = METHODS[method]
    options = test.choose(
        {
            "baseline": baseline,
            "ddf": ddf,
            "variance": variance,
            "moderate": moderate,
            "block": block,
            "trend": trend,
            "robust": robust,
            "legacy": legacy,
            "n_permutations": n_permutations,
        }
    )
    if (len(covariates) or len(moderators)) and not test.covariates:
        raise UsageError(
            f"{method} takes no covariates or moderators", fix="Use method='lmm' or 'moderated'."
        )
    if weights is not None and not test.weighted:
        raise UsageError(f"{method} takes no weights", fix="Use method='moderated'.")
    units = require_testable(
        adata, layer, key_added, "tl.differential", counts=test.counts, masks=test.masks
    )
    require_same_members(adata)
    design = build_design(
        adata,
        timepoint=timepoint,
        subject=subject,
        arm=arm,
        control=control,
        covariates=covariates,
        moderators=moderators,
        contrasts=contrasts,
        joint=joint,
        constrained=options.get("baseline") == "constrained",
    )
    values = detected(adata) if test.masks else matrix(adata, layer)
    if isinstance(values, Stored) and not test.blockwise:
        values = values[:, :]
    if test.weighted:
        options["weights"] = None if weights is None else numeric_weights(adata, weights)
    # values near the limits of float are told by a status, not by numpy
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = test.run(values, design, options)
        if isinstance(found, tuple):
            tested, spread = found
        else:
            tested = found
            values = values if test.levels is None else test.levels(np.asarray(values))
            cut, n_cells = blocks(adata.n_vars), len(design.cells)
            spread = join_moments([moments(values[:, b], design.cell, n_cells) for b in cut])
        frame = result_table(tested, spread, design, adata.var_names, method, units)
    adata.uns[key_added] = frame
    adata.uns.pop(f"{key_added}_variances", None)
    if test.pooled and options.get("variance") != "contrast":
        _note_variances(adata, spread, design, key_added)
    options["weights"] = weights
    add_step(
        adata,
        "tl.differential",
        method=method,
        **{k: v for k, v in options.items() if v is not None},
        timepoint=timepoint,
        subject=subject,
        arm=arm,
        control=control,
        joint=joint,
        layer=layer,
        covariates=list(covariates),
        moderators=list(moderators),
        contrasts=[c.name for c in design.contrasts],
        key_added=key_added,
    )
    return frame


def result_table(
    tested: Sequence[Tested],
    spread: Moments,
    design: Design,
    features: pd.Index,
    method: str,
    units: str,
) -> pd.DataFrame:
    sd, sd_df = spread.pooled(cells_of(design, design.baseline))
    with np.errstate(invalid="ignore", divide="ignore"):
        per_unit = small_sample_factor(sd_df) / np.where(sd > 0, sd, np.nan)
    return collect(
        [
            result_rows(
                features,
                contrast.name,
                estimate=result.estimate,
                se=result.se,
                df=result.df,
                effect_size=result.estimate * per_unit,
                n_pairs=result.n_pairs,
                n_obs=result.n_obs,
                status=result.status,
                method=f"{method} (F, {result.rank} df)" if contrast.joint else method,
                units=units,
                statistic=result.statistic,
                p_value=result.p_value,
                ci_low=result.ci_low,
                ci_high=result.ci_high,
                p_adj=result.p_adj,
            )
            for contrast, result in zip(design.contrasts, tested, strict=True)
        ]
    )


def _note_variances(adata: AnnData, spread: Moments, design: Design, key_added: str) -> None:
    """Store and tell the features that one pooled variance does not fit."""
    notes = variance_notes(spread, design, adata.var_names)
    adata.uns[f"{key_added}_variances"] = notes
    if len(notes) == 0:
        return
    worst = notes.loc[np.abs(np.log(notes["sd_ratio"])).idxmax()]
    names = list(dict.fromkeys(notes["feature"].astype(str)))
    warn(
        f"The SD of {shown(names)} differs between time points, by a "
        f"factor of {worst['sd_ratio']:.2g} for {worst['feature']} at {worst[schema.TIMEPOINT]}; "
        "one pooled variance is wrong there. Look for outlying samples; use method='paired_t', or "
        "variance='contrast' where nobody dropped out. "
        f"uns['{key_added}_variances'] lists them."
    )
