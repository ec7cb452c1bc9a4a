"""Which signatures changed: against the other features, or by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Contrasts,
    add_step,
    build_design,
    matrix,
    meta,
    require_testable,
)
from exerkine_omics.errors import UsageError, shown, warn
from exerkine_omics.sig import Matched, Signatures, SignatureSet, match
from exerkine_omics.tl._enrich_frame import features_of, run_frame
from exerkine_omics.tl._enrich_methods import CAMERA_PR, SET_METHODS, SetMethod
from exerkine_omics.tl._enrich_sets import SetTested, enrichment_frame
from exerkine_omics.tl._score import context_notes
from exerkine_omics.tl._scoring import require_share


def enrich(
    adata: AnnData | pd.DataFrame,
    signatures: Signatures | None = None,
    *,
    method: str = "camera",
    timepoint: str = schema.TIMEPOINT,
    subject: str = schema.SUBJECT,
    arm: str | None = schema.ARM,
    control: str | None = None,
    covariates: Sequence[str] = (),
    contrasts: Contrasts | None = None,
    min_coverage: float = 0.5,
    several: str = "error",
    inter_gene_cor: float | str | None = None,
    use_ranks: bool | None = None,
    set_statistic: str | None = None,
    n_rotations: int | None = None,
    n_permutations: int | None = None,
    trend: bool | None = None,
    robust: bool | None = None,
    var: pd.DataFrame | None = None,
    layer: str | None = None,
    key_added: str = "enrichment",
) -> pd.DataFrame:
    r"""Test whether signatures changed within people, and between arms.

    Use it for the second question: not which analytes changed, but which signatures. Two nulls
    are on offer, and they differ.

    *Competitive* (``camera``, ``camera_pr``): the members changed no more than the other features
    of the panel. With the features' statistics :math:`z` as normal deviates, *m* members and *G*
    features in all,

    .. math:: t = \frac{\bar z_{in} - \bar z_{out}}
                       {s \sqrt{\mathrm{VIF} / m + 1 / (G - m)}}, \qquad
              \mathrm{VIF} = 1 + (m - 1) \rho

    on *G* - 2 df (fewer where :math:`\rho` is estimated). On a panel chosen because its features
    respond to exercise it asks the wrong question: what it compares with responds too.

    *Self-contained* (``fry``, ``roast``, ``signflip``): no member changed. ``fry`` and ``roast``
    rotate the residuals of the linear model; ``signflip`` flips whole persons, assumes no model,
    and needs no complete features:

    .. math:: u_i = \sum_j w_j d_{ij} / q_j \Big/ \sum_j |w_j|, \qquad
              q_j^2 = \frac{1}{n_j} \sum_i d_{ij}^2

    is person *i*'s set change, tested by t under sign flips (Welch's t under exchange of labels
    between arms).

    Parameters
    ----------
    adata
        Samples x features on a log scale. For ``camera_pr`` also a result frame of any test of
        `tl`, or a published table: ``feature``, ``contrast`` (one if it is not there), and
        ``estimate`` and ``se`` (``df``), or ``p_value`` and the sign of ``estimate``, or
        ``statistic`` alone, which is then taken as it is.
    signatures
        SignatureSet, ``{name: [var names]}`` or ``{name: {var name: weight}}``; None means all
        shipped signatures of the modality. A weight's sign is the expected direction; its size
        counts in ``fry``, ``roast`` and ``signflip``, not in ``camera`` and ``camera_pr``.
    method
        ``camera``, ``camera_pr``, ``fry``, ``roast``, ``signflip``.
    timepoint, subject, arm, control, contrasts
        As in `differential`; the subject is a fixed block.
    covariates
        As in `differential`; not for ``signflip``.
    min_coverage
        Share of the absolute weight that must be tested, 0 to 1.
    several
        What to do where several features measure one member: ``error``, or ``first``.
    inter_gene_cor
        For ``camera``, ``camera_pr``: correlation between members, 0.01, or ``estimate``
        (``camera``) from the residuals.
    use_ranks
        For ``camera``, ``camera_pr``: compare ranks. Default False.
    set_statistic
        For ``roast``: ``mean``, ``floormean``, ``mean50`` or ``msq``.
    n_rotations
        For ``roast``: rotations drawn, 9999.
    n_permutations
        For ``signflip``: flips drawn where not all can be visited, 9999.
    trend, robust
        The prior variance follows the mean level; outlying variances are squeezed less. Default
        False; ``camera`` has no ``robust``, ``signflip`` neither.
    var
        For a frame: features x identifiers (``adata.var``), by which members of a SignatureSet
        are found; without it the frame's own columns and the features' names.
    layer
        Layer tested in place of X; it has X's units.
    key_added
        Key of ``uns`` that receives the frame.

    Returns
    -------
    DataFrame
        One row a signature and contrast: signature, contrast, direction (``up`` or ``down`` along
        the signed signature, of the statistic), estimate (signed weighted mean of the members'
        changes, in the unit of X; where members differ much in spread it may point the other way,
        since the tests standardise them),
        statistic (t; of ``roast`` the set statistic), p_value (two-sided), p_adj
        (Benjamini-Hochberg within the contrast; for ``signflip`` max-T, family-wise),
        p_value_mixed (members changed in whatever directions; NaN for ``camera``, ``camera_pr``),
        inter_gene_cor (the one used), n_members, n_measured (members tested), coverage (their
        share of the absolute weight), n_features (features tested), n_pairs (people with all cells
        of the contrast; 0 where a table does not say), prop_up and prop_down (share of members
        whose own signed normal deviate is beyond the square root of 2), leading (those of them
        that moved with the set, the strongest first, ten at most), dropped (members on the panel
        but not tested), method, status (``ok``, or why there is no p).

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        If columns or values of the design or the frame are missing, or several features measure
        one member.
    UsageError
        If a method, contrast or option does not exist, or does not go with the method.

    Notes
    -----
    Missing values: for ``camera``, ``fry`` and ``roast`` a sample without any value and a person
    with one sample are absent; of the rest a feature with a NaN is left out, and named in
    ``dropped``. ``camera_pr`` tests each feature on its own rows. For ``signflip`` a member that a
    person lacks leaves that person's set change, and a person whose members carry less than
    ``min_coverage`` of the weight is left out. Nothing is filled in.

    References
    ----------
    Wu D, Smyth GK (2012) Camera: a competitive gene set test accounting for inter-gene
    correlation. Nucleic Acids Res 40:e133.

    Wu D, Lim E, Vaillant F, Asselin-Labat ML, Visvader JE, Smyth GK (2010) ROAST: rotation gene
    set tests for complex microarray experiments. Bioinformatics 26:2176-2182.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> cascade = {"cascade": ["IL6", "IL1RN", "IL10", "TNFRSF1A", "TNFRSF1B"]}
    >>> frame = exo.tl.enrich(adata, cascade, method="signflip", control="CON")
    >>> frame.loc[frame["contrast"] == "EE: post - pre", "direction"].item()
    'up'
    """
    if not isinstance(method, str) or method not in SET_METHODS:
        raise UsageError(f"There is no method {method!r}", fix=f"Known: {', '.join(SET_METHODS)}.")
    require_share(min_coverage)
    test = SET_METHODS[method]
    options = test.choose(
        {
            "inter_gene_cor": inter_gene_cor,
            "use_ranks": use_ranks,
            "set_statistic": set_statistic,
            "n_rotations": n_rotations,
            "n_permutations": n_permutations,
            "trend": trend,
            "robust": robust,
        }
    )
    covariates = covariates or ()
    if isinstance(adata, pd.DataFrame):
        design = {
            "timepoint": timepoint != schema.TIMEPOINT,
            "subject": subject != schema.SUBJECT,
            "arm": arm != schema.ARM,
            "control": control is not None,
            "covariates": len(covariates) > 0,
            "contrasts": contrasts is not None,
            "trend": trend is not None,
            "robust": robust is not None,
            "layer": layer is not None,
            "key_added": key_added != "enrichment",
        }
        _require_frame_call(test, [name for name, given in design.items() if given])
        panel = features_of(adata, var)
        matched = _matched(signatures, panel, None, several)
        tested = run_frame(adata, matched, panel.index, min_coverage, options)
        _note_panel(test, signatures, tested)
        return enrichment_frame(tested, [m.name for m in matched], panel.index, method)
    if var is not None:
        raise UsageError("var= goes with a result frame; an AnnData has its own var")
    if len(covariates) and not test.covariates:
        raise UsageError(f"{method} takes no covariates", fix="Use fry, roast or camera.")
    require_testable(adata, layer, key_added, "tl.enrich")
    made = build_design(
        adata,
        timepoint=timepoint,
        subject=subject,
        arm=arm,
        control=control,
        covariates=covariates,
        contrasts=contrasts,
    )
    modality = meta(adata).get(schema.MODALITY)
    matched = _matched(signatures, adata.var, modality, several)
    for note in context_notes(adata, signatures):
        warn(note)
    # values near the limits of float are told by a status, not by numpy
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        values = matrix(adata, layer)[:, :]
        tested = test.run(values, made, matched, adata.var_names, min_coverage, options)
    _note_panel(test, signatures, tested)
    frame = enrichment_frame(tested, [m.name for m in matched], adata.var_names, method)
    adata.uns[key_added] = frame
    add_step(
        adata,
        "tl.enrich",
        method=method,
        **options,
        timepoint=timepoint,
        subject=subject,
        arm=arm,
        control=control,
        layer=layer,
        covariates=list(covariates),
        contrasts=[c.name for c in made.contrasts],
        min_coverage=min_coverage,
        several=several,
        signatures=[m.name for m in matched],
        key_added=key_added,
    )
    return frame


def _matched(
    signatures: Signatures | None, var: pd.DataFrame, modality: str | None, several: str
) -> list[Matched]:
    matched = match(signatures, var, modality, several=several)
    if not matched:
        raise UsageError(
            "There is no signature to test", where="signatures=", fix="exo.sig.load() has some."
        )
    return matched


def _require_frame_call(test: SetMethod, design: Sequence[str]) -> None:
    if test is not CAMERA_PR:
        raise UsageError(
            f"{test.name} needs the samples, and a frame holds statistics only",
            where="adata=",
            fix="Say method='camera_pr', or give the AnnData.",
        )
    if design:
        raise UsageError(
            f"{shown(design)} cannot go with a frame, which has its contrasts already",
            fix="Leave them out, or give the AnnData.",
        )


def _note_panel(
    test: SetMethod, signatures: Signatures | None, tested: Sequence[SetTested]
) -> None:
    """Tell where most of what a competitive test compares with are exerkines too.

    Plain mappings may be any sets (pathways that cover the whole panel): they say nothing of it.
    """
    n_features = max((one.n_features for one in tested), default=0)
    known = signatures is None or isinstance(signatures, SignatureSet)
    if not test.competitive or not known or not n_features:
        return
    members = {int(c) for one in tested for item in one.members for c in item.columns}
    if len(members) > n_features / 2:
        warn(
            f"{len(members)} of the {n_features} features tested are members of the signatures. "
            f"{test.name} asks whether a signature changed more than the other features: on a "
            "panel of candidates that all respond it finds nothing. Use method='fry' or "
            "'signflip', which ask whether it changed at all."
        )
