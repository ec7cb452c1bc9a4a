"""A cohort with a known truth: blood before and after exercise, and the response to training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import join
from exerkine_omics.datasets._assemble import (
    as_adata,
    check_effects,
    check_request,
    effect_table,
    lacking,
    measure,
    planted_effects,
    predictor_score,
    time_course,
)
from exerkine_omics.datasets._levels import draw_features, lose, person_levels
from exerkine_omics.datasets._panel import panel, parameter
from exerkine_omics.datasets._people import draw_people, draw_vo2max
from exerkine_omics.datasets._visits import draw_visits
from exerkine_omics.settings import settings

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

# as vendors do: Olink reports values below LOD, mass spectrometry and qPCR leave them out
BELOW = {"proteomics": "keep", "metabolomics": "nan", "mirna": "nan"}


@dataclass(frozen=True)
class Truth:
    """What is true of a simulated cohort.

    Parameters
    ----------
    effects
        A row a feature, arm and later time point: modality, feature, arm, timepoint,
        log2_effect (0 where nothing changes), source.
    features
        A row a feature: mean, sd_between, sd_within, icc (within-person correlation),
        common_share (variance on the common factors), lod_share (expected at baseline), lod.
    subjects
        A row a person: arm, vo2max_true_pre, true_response, predictor_score.
    predictors
        Planted baseline predictors: modality, feature, weight on the standardised true level.
    haemolysed
        Haemolysed samples: sample_id, severity.
    missing
        A row a cell without value or below LOD: modality, sample_id, feature, reason
        (below_lod, below_lod_kept, random).
    missed_visits
        Planned visits without a sample: subject_id, timepoint.
    sd_ir, typical_error, predictor_r2
        SD of the true individual response and typical error of VO2max, ml/kg/min; share of the
        response's variance that the predictors tell.
    seed
        Seed of the cohort.
    """

    effects: pd.DataFrame
    features: pd.DataFrame
    subjects: pd.DataFrame
    predictors: pd.DataFrame
    haemolysed: pd.DataFrame
    missing: pd.DataFrame
    missed_visits: pd.DataFrame
    sd_ir: float
    typical_error: float
    predictor_r2: float
    seed: int


@dataclass(frozen=True)
class SimulatedCohort:
    """A simulated cohort.

    Parameters
    ----------
    adata
        Proteomics (NPX, plasma EDTA), samples x proteins; None where ``n_proteins=0``.
    mdata
        All platforms, joined by visit.
    outcomes
        A row a person: subject_id, arm, age, sex, bmi, vo2max_pre, vo2max_post, adherence.
    truth
        What is true.
    """

    adata: AnnData | None
    mdata: MuData
    outcomes: pd.DataFrame
    truth: Truth


def simulate(
    n_subjects: int = 60,
    *,
    design: Literal["acute", "training"] = "acute",
    n_proteins: int = 160,
    n_metabolites: int = 60,
    n_mirna: int = 40,
    arms: Sequence[str] = ("CON", "EE"),
    control: str = "CON",
    timepoints: Sequence[str] = ("pre", "post"),
    effects: Mapping[str, float] | None = None,
    effect_scale: float = 1.0,
    responders: bool = True,
    sd_ir: float | None = None,
    predictor_r2: float | None = None,
    training_effect: float | None = None,
    typical_error: float | None = None,
    missing: float | None = None,
    missed_visits: float | None = None,
    below_lod: Literal["vendor", "nan", "keep"] = "vendor",
    haemolysed: float | None = None,
    seed: int | None = None,
) -> SimulatedCohort:
    """Simulate a training trial with blood samples, and keep the truth.

    Use it to try an analysis, to test a method, or to see what a trial of this size can show.
    Each number has a named source: `parameters` and docs/simulation.md list them.

    A value is ``mean + sd_between b + effect (1 + cv z) + sd_within e``, with b and e standard
    normal and correlated between features through five common factors. The true response of
    VO2max is ``training_effect + sd_ir (sqrt(r2) score + sqrt(1 - r2) z)`` in arms that train
    and 0 in the control arm; the score is a weighted sum of true baseline levels.

    Parameters
    ----------
    n_subjects
        People, dealt to the arms in turn.
    design
        ``acute``: blood before and after the first bout (control: rest), then weeks of training
        with VO2max before and after. ``training``: resting blood before and after the weeks.
    n_proteins, n_metabolites, n_mirna
        Features; more of them leave the first ones as they are.
    arms
        Names of the arms.
    control
        Arm without exercise; an arm of another name exercises.
    timepoints
        Baseline first. An acute effect is whole at the second time and halves at each later
        one; a training effect grows linearly and is whole at the last.
    effects
        Log2 effects by feature, in place of the panel's.
    effect_scale
        Factor on all effects; those of proteins stem in part from marathons.
    responders
        False sets ``sd_ir`` to 0: every trained person gains the same.
    sd_ir
        SD of the true individual response, ml/kg/min; None follows from the measured
        reliability of the change of VO2max (1.5).
    predictor_r2
        Share of the variance of the true response that planted baseline proteins tell (0.23).
    training_effect, typical_error
        Mean true gain and typical error of one test of VO2max, ml/kg/min (3.2; 2.2).
    missing
        Share of values lost at random; None takes the measured share of each platform.
    missed_visits
        Share of visits after baseline without a sample (0.18).
    below_lod
        ``vendor``: proteins keep values below LOD, metabolites and miRNA lose them; ``nan``,
        ``keep``: all platforms. The layer ``below_lod`` marks them in any case.
    haemolysed
        Share of haemolysed samples (0.03).
    seed
        Seed; None takes ``settings.seed``.

    Returns
    -------
    SimulatedCohort
        ``.adata``, ``.mdata``, ``.outcomes``, ``.truth``.

    Raises
    ------
    UsageError
        For sizes, shares or names that are not possible.

    Notes
    -----
    Missing values: made on purpose (below LOD, at random, missed visits) and listed in
    ``.truth``. miRNA are ``40 - Cq``, so that up means more.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> cohort = exo.datasets.simulate(20, seed=1)
    >>> cohort.adata.obs["arm"].value_counts().to_dict()["EE"] > 0
    True
    """
    sizes = {"proteomics": n_proteins, "metabolomics": n_metabolites, "mirna": n_mirna}
    seed = settings.seed if seed is None else seed
    absent = _or(missed_visits, "all", "missed_visits")
    spoiled = _or(haemolysed, "all", "haemolysed")
    r2 = _or(predictor_r2, "vo2max", "predictor_r2")
    error = _or(typical_error, "vo2max", "typical_error")
    spread = 0.0 if not responders else _default_sd_ir() if sd_ir is None else sd_ir
    check_request(
        n_subjects,
        sizes,
        arms,
        timepoints,
        {
            "missing": missing or 0.0,
            "missed_visits": absent,
            "haemolysed": spoiled,
            "predictor_r2": r2,
        },
        {"sd_ir": spread, "typical_error": error},
        {
            "design": (design, ("acute", "training")),
            "below_lod": (below_lod, ("vendor", "nan", "keep")),
        },
    )
    panels = {m: panel(m, n) for m, n in sizes.items() if n}
    check_effects(effects or {}, panels)

    people = draw_people(n_subjects, arms, seed)
    exercises = (people.table[schema.ARM] != control).to_numpy()
    visits = draw_visits(
        people.table, timepoints, design, missed_visits=absent, haemolysed=spoiled, seed=seed
    )
    features = {m: draw_features(p, m, seed) for m, p in panels.items()}
    levels = {m: person_levels(f, m, people.factors, seed) for m, f in features.items()}
    score, predictors = predictor_score(panels, features, levels, n_subjects)
    r2 = r2 if len(predictors) else 0.0
    outcomes, subjects = draw_vo2max(
        people.table,
        score,
        exercises,
        training_effect=_or(training_effect, "vo2max", "training_effect"),
        sd_ir=spread,
        predictor_r2=r2,
        typical_error=error,
        seed=seed,
    )

    curve = time_course(design, len(timepoints))
    data, planted, gone = {}, [], []
    for modality, one in panels.items():
        own = planted_effects(one, design, effects or {}, effect_scale)
        known, log2 = features[modality], own["log2"].to_numpy()
        x = measure(visits, modality, known, levels[modality], one, log2, exercises, curve, seed)
        how = BELOW[modality] if below_lod == "vendor" else below_lod
        share = parameter(modality, "missing") if missing is None else missing
        values = lose(x, known, visits, modality, below=how, missing=share, seed=seed)
        adata = as_adata(visits, modality, one, values.x)
        adata.layers[schema.BELOW_LOD] = values.below_lod
        data[modality] = adata
        gone.append(lacking(adata, modality, values.below_lod, values.lost, how))
        planted.append(effect_table(modality, own, arms, control, timepoints, curve))
    spoilt = visits.severity > 0
    truth = Truth(
        effects=pd.concat(planted, ignore_index=True),
        features=pd.concat([f.table for f in features.values()], ignore_index=True),
        subjects=subjects,
        predictors=predictors,
        haemolysed=pd.DataFrame(
            {
                schema.SAMPLE_ID: visits.sheet.index[spoilt].to_numpy(),
                "severity": visits.severity[spoilt],
            }
        ),
        missing=pd.concat(gone, ignore_index=True),
        missed_visits=visits.missed,
        sd_ir=float(spread),
        typical_error=float(error),
        predictor_r2=float(r2),
        seed=int(seed),
    )
    return SimulatedCohort(data.get("proteomics"), join(data, outcomes), outcomes, truth)


def _or(given: float | None, scope: str, name: str) -> float:
    return parameter(scope, name) if given is None else given


def _default_sd_ir() -> float:
    """SDir from ICC = SDir^2 / (SDir^2 + 2 TE^2)."""
    icc, error = parameter("vo2max", "response_icc"), parameter("vo2max", "typical_error")
    return float(np.sqrt(2 * icc / (1 - icc)) * error)
