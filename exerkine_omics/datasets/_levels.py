"""Values of one platform: levels, covariance, effects, haemolysis, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from exerkine_omics.datasets._panel import parameter
from exerkine_omics.datasets._people import N_FACTORS
from exerkine_omics.datasets._visits import Visits
from exerkine_omics.parallel import stream

MIN_ICC, MAX_ICC = 0.05, 0.95
# kept below one so that every feature has variation of its own
MAX_COMMON = 0.9
# Cq(miR-23a-3p) - Cq(miR-451a) is 3 without haemolysis: clean by PMID 23036329
FIXED_LEVEL = {"hsa-miR-451a": 20.0, "hsa-miR-23a-3p": 17.0}


@dataclass(frozen=True)
class Features:
    """What is true of each feature: a table, and the loadings on the common factors."""

    table: pd.DataFrame
    loadings: np.ndarray


@dataclass(frozen=True)
class Values:
    """One platform as measured: samples x features, and why a value is missing or low."""

    x: np.ndarray
    below_lod: np.ndarray
    lost: np.ndarray


def draw_features(panel: pd.DataFrame, modality: str, seed: int) -> Features:
    """Draw mean, SD, ICC, loadings and LOD of each feature from its own random stream."""

    def of(name: str) -> float:
        return parameter(modality, name)

    shares = np.array([parameter("all", f"factor_share_{k + 1}") for k in range(N_FACTORS)])
    rows, loadings = [], []
    for feature in panel.index:
        rng = stream(seed, "simulate.feature", modality, feature)
        mean = rng.normal(of("level_mean"), of("level_sd"))
        sd = of("sd_median") * np.exp(of("sd_log_sd") * rng.standard_normal())
        icc = np.clip(of("icc_median") + of("icc_sd") * rng.standard_normal(), MIN_ICC, MAX_ICC)
        loading = np.sqrt(shares) * rng.standard_normal(N_FACTORS)
        common = float((loading**2).sum())
        if common > MAX_COMMON:
            loading, common = loading * np.sqrt(MAX_COMMON / common), MAX_COMMON
        affected, where = rng.random(2)
        share = _lod_share(of("lod_features"), of("lod_share"), affected, where)
        mean = FIXED_LEVEL.get(feature, mean)
        if feature in FIXED_LEVEL:
            share = 0.0
        rows.append(
            {
                "modality": modality, "feature": feature, "mean": mean,
                "sd_between": sd * np.sqrt(icc), "sd_within": sd * np.sqrt(1 - icc),
                "icc": icc, "common_share": common, "lod_share": share,
                "lod": mean + sd * ndtri(share) if share > 0 else np.nan,
            }
        )  # fmt: skip
        loadings.append(loading)
    columns = ["modality", "feature", "mean", "sd_between", "sd_within", "icc", "common_share",
               "lod_share", "lod"]  # fmt: skip
    return Features(pd.DataFrame(rows, columns=columns), np.array(loadings).reshape(-1, N_FACTORS))


def _lod_share(features: float, mean: float, affected: float, where: float) -> float:
    """Share below LOD: zero, or uniform around the mean share as wide as fits into (0, 0.9)."""
    if affected >= features:
        return 0.0
    reach = min(mean, 0.9 - mean)
    return float(np.clip(mean + reach * (2 * where - 1), 0.005, 0.9))


def person_levels(features: Features, modality: str, factors: np.ndarray, seed: int) -> np.ndarray:
    """People x features: standardised levels of each person, variance one."""
    return _standard(features, factors, "simulate.level", modality, seed)


def visit_levels(
    features: Features, modality: str, visit: int, n_people: int, seed: int
) -> np.ndarray:
    """People x features: standardised deviations of one visit, with the same common factors."""
    # the factors of a visit are shared by all platforms: it is the same tube of blood
    rng = stream(seed, "simulate.visit_factor", visit)
    factors = rng.standard_normal((n_people, N_FACTORS))
    return _standard(features, factors, f"simulate.visit_{visit}", modality, seed)


def _standard(
    features: Features, factors: np.ndarray, stage: str, modality: str, seed: int
) -> np.ndarray:
    names = features.table["feature"]
    own = np.empty((len(factors), len(names)))
    for column, feature in enumerate(names):
        own[:, column] = stream(seed, stage, modality, feature).standard_normal(len(factors))
    unique = np.sqrt(1 - (features.loadings**2).sum(axis=1))
    return factors @ features.loadings.T + unique * own


def effect_spread(
    panel: pd.DataFrame, modality: str, n_people: int, cv: float, seed: int
) -> np.ndarray:
    """People x features: how strongly each person shows each effect, mean one, SD ``cv``."""
    spread = np.empty((n_people, len(panel)))
    for column, feature in enumerate(panel.index):
        draw = stream(seed, "simulate.effect", modality, feature).standard_normal(n_people)
        spread[:, column] = 1 + cv * draw
    return spread


def lose(
    x: np.ndarray,
    features: Features,
    visits: Visits,
    modality: str,
    *,
    below: str,
    missing: float,
    seed: int,
) -> Values:
    """Take away values below LOD (``nan``) or keep them (``keep``), and some at random."""
    low = x < features.table["lod"].to_numpy()
    lost = np.zeros(x.shape, dtype=bool)
    planned = int(visits.person.max(initial=-1)) + 1, len(visits.timepoints)
    for column, feature in enumerate(features.table["feature"]):
        draw = stream(seed, "simulate.missing", modality, feature).random(planned)
        lost[:, column] = draw[visits.person, visits.visit] < missing
    return Values(np.where(lost | (low & (below == "nan")), np.nan, x), low & ~lost, lost)
