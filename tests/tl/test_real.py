"""The differential engine on real cohorts: their missing values, their known changes."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning
from exerkine_omics.kernels import _lmm, _lmm_sums

pytestmark = pytest.mark.real_data
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def differential(adata: ad.AnnData, **options: object) -> pd.DataFrame:
    """Result by contrast and feature; the note on variances has a test of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExerkineWarning)
        frame = exo.tl.differential(adata, **options)
    text = frame.astype({"contrast": str, "feature": str, "status": str})
    return text.set_index(["contrast", "feature"])


# ---- one bout: 15 men, 7 times, hundreds of metabolites, values missing not at random ----------


@pytest.fixture(scope="module")
def bout(data_dir: Path) -> ad.AnnData:
    return load("humet_lmertest").read_cohort(data_dir)


@pytest.fixture(scope="module")
def answers(bout: ad.AnnData) -> pd.DataFrame:
    return differential(bout.copy(), joint=True)


RANK = ["not measured", "nobody has two samples", "no residual df", "variance not identified"]
RANK += ["no pairs", "ok"]


def expected_status(visits: np.ndarray, used: np.ndarray) -> str:
    """Why a change between ``used`` times has no number, from who came when (people x times)."""
    if not visits.any():
        return "not measured"
    if not (visits.sum(axis=1) > 1).any():
        return "nobody has two samples"
    if visits.sum() <= visits.any(axis=0).sum():
        return "no residual df"
    person, time = np.nonzero(visits)
    rows = np.eye(visits.shape[1])[time]
    own = np.array([rows[person == p].mean(axis=0) for p in person])
    people = visits.any(axis=1).sum()
    if visits.sum() - people - np.linalg.matrix_rank(rows - own) <= 0:
        return "variance not identified"
    if not visits.any(axis=0)[used].all():
        return "not estimable"
    if not visits[:, used].all(axis=1).any():
        return "no pairs"
    return "ok"


def test_every_metabolite_has_a_number_or_a_reason(bout: ad.AnnData, answers: pd.DataFrame):
    start, *later = bout.obs["timepoint"].cat.categories
    names = [f"{t} - {start}" for t in later] + ["any change"]
    assert len(answers) == bout.n_vars * len(names) and answers.index.is_unique
    order = np.argsort(bout.obs["subject_id"].astype(str) + bout.obs["timepoint"].astype(str))
    visits = np.isfinite(bout.X[order]).reshape(-1, len(later) + 1, bout.n_vars)
    pairs = [np.array([0, k + 1]) for k in range(len(later))]
    want = [expected_status(visits[:, :, j], u) for u in pairs for j in range(bout.n_vars)]
    # a joint test lacks a number where one of its changes does
    each = np.array(want, dtype=object).reshape(len(later), bout.n_vars)
    want += ["not estimable" if "not estimable" in c else min(c, key=RANK.index) for c in each.T]
    rows = pd.MultiIndex.from_product([names, bout.var_names])
    got = answers.loc[rows, "status"]
    assert (got.to_numpy() == np.array(want, dtype=object)).all()
    assert got.value_counts().sum() == len(want) and set(got) > {"ok", "not measured"}
    ok = answers["status"] == "ok"
    joint = answers.index.get_level_values(0) == "any change"
    numbers = answers[["df", "statistic", "p_value", "p_adj"]]
    assert np.isfinite(numbers[ok]).all(axis=None) and numbers[~ok].isna().all(axis=None)
    changes = answers.loc[ok & ~joint, ["estimate", "se", "ci_low", "ci_high"]]
    assert np.isfinite(changes).all(axis=None) and (changes["se"] > 0).all()
    assert answers.loc[ok, "p_value"].between(0, 1).all() and (answers.loc[ok, "df"] > 0).all()
    measured = np.isfinite(bout.X).sum(axis=0)
    assert (answers["n_obs"].to_numpy() == np.tile(measured, len(names))).all()


class Dense:
    """Random intercept of y on x, from the eigenvectors of the n x n matrix of same people."""

    def __init__(self, y: np.ndarray, x: np.ndarray, subject: np.ndarray) -> None:
        self.root, vectors = np.linalg.eigh((subject[:, None] == subject).astype(float))
        self.y, self.x = vectors.T @ y, vectors.T @ x

    def fit(self, ratio: float) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Coefficients, their covariance, -2 log restricted likelihood but for a constant."""
        n, p = self.x.shape
        v = 1 + ratio * self.root
        phi = np.linalg.inv(self.x.T @ (self.x / v[:, None]))
        beta = phi @ self.x.T @ (self.y / v)
        rss = float(np.sum((self.y - self.x @ beta) ** 2 / v))
        height = np.log(v).sum() - np.linalg.slogdet(phi)[1] + (n - p) * np.log(rss)
        return beta, phi, rss / (n - p), float(height)

    def deviance(self, ratio: float) -> float:
        return self.fit(ratio)[3]


def test_no_other_variance_ratio_fits_better(bout: ad.AnnData):
    """20 features at random: a grid and a search over dense matrices find nothing lower."""
    start, first, *_ = bout.obs["timepoint"].cat.categories
    contrast = f"{first} - {start}"
    frame = differential(bout.copy(), ddf="satterthwaite").loc[contrast]
    tested = frame.index[frame["status"] == "ok"].to_numpy()
    chosen = np.random.default_rng(5).choice(tested, 20, replace=False)
    cells = pd.get_dummies(bout.obs["timepoint"]).to_numpy(float)
    subject = pd.factorize(bout.obs["subject_id"])[0]
    sums = _lmm_sums.grouped_sums(bout[:, chosen].X, cells, subject)
    thetas = _lmm.fit_reml(sums).theta
    assert (thetas > 0).sum() > 10
    for name, theta in zip(chosen, thetas, strict=True):
        y = bout[:, name].X.ravel()
        rows = np.isfinite(y)
        used = cells[rows].any(axis=0)
        model = Dense(y[rows] - y[rows].mean(), cells[rows][:, used], subject[rows])
        grid = np.concatenate([[0.0], np.geomspace(1e-5, 1e4, 80)])
        heights = [model.deviance(g) for g in grid]
        best = int(np.argmin(heights))
        ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        search = optimize.minimize_scalar(
            model.deviance, bounds=ends, method="bounded", options={"xatol": 1e-9 * ends[1]}
        )
        assert model.deviance(theta) <= min(search.fun, *heights) + 1e-9, name
        ratio = search.x if search.fun < heights[best] else grid[best]
        beta, phi, sigma2, _ = model.fit(ratio)
        weights = np.array([-1.0, 1.0] + [0.0] * (cells.shape[1] - 2))[used]
        # a search on heights stops where they are flat to rounding, at half the digits
        assert frame.loc[name, "estimate"] == pytest.approx(weights @ beta, abs=1e-6)
        se = np.sqrt(sigma2 * weights @ phi @ weights)
        assert frame.loc[name, "se"] == pytest.approx(se, rel=1e-6)


def test_lactate_rises_and_falls_on_both_platforms(bout: ad.AnnData):
    lactate = bout[:, bout.var["name"].str.lower() == "lactate"].copy()
    assert lactate.n_vars == 2 and lactate.var["platform"].nunique() == 2
    start, during, end, *after = bout.obs["timepoint"].cat.categories
    contrasts = {f"{t} - {start}": f"{t} - {start}" for t in (during, end)}
    contrasts |= {f"{t} - {end}": f"{t} - {end}" for t in after}
    frame = differential(lactate, contrasts=contrasts)
    assert (frame["status"] == "ok").all()
    rising = frame.index.get_level_values(0).str.endswith(start)
    assert (frame.loc[rising, "ci_low"] > 0).all() and (frame.loc[~rising, "ci_high"] < 0).all()
    assert (frame["p_adj"] < 1e-3).all()
    # falling time after time, until little is left to fall
    falls = frame.loc[~rising, "estimate"].unstack("feature").loc[[f"{t} - {end}" for t in after]]
    assert (falls.iloc[:3].diff().dropna() < 0).all(axis=None)


def test_the_note_on_variances_names_features(bout: ad.AnnData):
    own = bout.copy()
    with pytest.warns(ExerkineWarning, match=r"SD of .*variance='contrast'") as caught:
        exo.tl.differential(own)
    notes = own.uns["differential_variances"]
    assert 0 < len(notes) and set(notes["feature"]) <= set(bout.var_names)
    first = notes["feature"].iloc[0]
    assert any(first in str(w.message) for w in caught)
    assert (notes["p_adj"] < 0.01).all()
    assert (np.abs(np.log(notes["sd_ratio"])) >= np.log(1.5)).all()
    row = notes.iloc[0]
    y, time = own[:, row["feature"]].X.ravel(), own.obs["timepoint"]
    at = [y[(time == t).to_numpy() & np.isfinite(y)] for t in (row["timepoint"], "T33")]
    assert row["sd_ratio"] == pytest.approx(at[0].std(ddof=1) / at[1].std(ddof=1))


# ---- a race: 11 runners, missed visits, IL-6 at the finish -------------------------------------


@pytest.fixture
def race(data_dir: Path) -> ad.AnnData:
    with exo.settings.override(data_dir=data_dir):
        return exo.pp.log2(exo.datasets.load("ultramarathon_50km"), copy=True)


def test_il6_at_the_finish_by_every_method(race: ad.AnnData):
    """7 of 11 runners have both visits; the paired mean is +5.0 log2 (32 times)."""
    wide = (
        pd.Series(race[:, "IL6"].X.ravel(), race.obs_names)
        .groupby([race.obs["subject_id"].astype(str), race.obs["timepoint"].astype(str)])
        .first()
        .unstack()
    )
    change = (wide["finish_50km"] - wide["pre"]).dropna()
    assert len(change) == 7
    key = ("finish_50km - pre", "IL6")
    methods: dict[str, dict[str, object]] = {
        "lmm": {},
        "lmm, own cells": {"variance": "contrast"},
        "moderated": {"method": "moderated"},
        "paired_t": {"method": "paired_t"},
        "wilcoxon": {"method": "wilcoxon"},
        "signflip": {"method": "signflip"},
    }
    frames = {k: differential(race.copy(), **v) for k, v in methods.items()}
    table = pd.DataFrame({name: frame.loc[key] for name, frame in frames.items()}).T
    assert (table["status"] == "ok").all() and (table["n_pairs"] == 7).all()
    # the mixed models use the runners with one of the visits too, the others the 7 pairs alone
    assert table["n_obs"].to_dict() == {
        "lmm": 36, "lmm, own cells": 18, "moderated": 36, "paired_t": 14, "wilcoxon": 14,
        "signflip": 14,
    }  # fmt: skip
    estimates = {
        "lmm": 4.924, "lmm, own cells": 4.964, "moderated": 4.918, "paired_t": 5.004,
        "wilcoxon": 5.046, "signflip": 5.004,
    }  # fmt: skip
    assert table["estimate"].to_dict() == pytest.approx(estimates, abs=6e-4)
    by_hand = stats.ttest_1samp(change, 0)
    assert table.loc["paired_t", "estimate"] == pytest.approx(change.mean(), rel=1e-12)
    assert table.loc["paired_t", "p_value"] == pytest.approx(by_hand.pvalue, rel=1e-9)
    # the least p that 7 pairs can have, whatever the change
    assert table.loc[["wilcoxon", "signflip"], "p_value"].tolist() == pytest.approx([2 / 2**7] * 2)
    assert table.loc["lmm", "p_value"] < 1e-12 < table.loc["paired_t", "p_value"] < 1e-4
    assert (table[["ci_low"]].drop("signflip") > 3.8).all(axis=None)
    # pooling the other times' smaller variance narrows the finish line's interval
    assert table.loc["lmm", "se"] < table.loc["lmm, own cells", "se"] < table.loc["paired_t", "se"]


def test_missing_visits_of_the_race(race: ad.AnnData):
    frame = differential(race.copy())
    assert len(frame) == 4 * race.n_vars
    rest = frame.loc["visit1_rest - pre"]
    # cytokines were not measured at the rest visit, creatine kinase was
    assert rest.loc["IL6", "status"] == "not estimable" and rest.loc["IL6", "n_pairs"] == 0
    values = pd.DataFrame(race.X, race.obs_names, race.var_names)
    values = values.set_index([race.obs["subject_id"].astype(str), race.obs["timepoint"]])
    for (contrast, feature), row in frame.iterrows():
        later = str(contrast).removesuffix(" - pre")
        wide = values[feature].unstack()
        assert row["n_pairs"] == wide[["pre", later]].notna().all(axis=1).sum()
        assert row["n_obs"] == np.isfinite(values[feature]).sum()
        assert (row["status"] == "ok") == (row["n_pairs"] > 0)


def test_course_of_il6(race: ad.AnnData):
    """With 3 df at 3 later times the curve passes through them: the changes of `differential`."""
    planned = {"pre": -480.0, "lap1_10km": -320.0, "finish_50km": 0.0, "post_24h": 1440.0}
    own = race[race.obs["timepoint"] != "visit1_rest", ["IL6"]].copy()
    own.obs["timepoint"] = own.obs["timepoint"].cat.remove_unused_categories()
    own.obs["minutes_post"] = own.obs["timepoint"].astype(str).map(planned).astype(float)
    course = exo.tl.time_course(own).astype({"contrast": str}).set_index("contrast")
    changes = differential(own).droplevel("feature")
    same = {"-320 min - pre": "lap1_10km - pre", "0 min - pre": "finish_50km - pre",
            "1440 min - pre": "post_24h - pre"}  # fmt: skip
    columns = ["estimate", "se", "df", "p_value", "n_pairs"]
    np.testing.assert_allclose(
        course.loc[list(same), columns].astype(float),
        changes.loc[list(same.values()), columns].astype(float),
        rtol=1e-6,
    )
    assert course.loc["any change", "p_value"] < 1e-10
    shape = own.uns["time_course_shape"].iloc[0]
    # the peak lies about the finish, and most of it is gone after a day
    assert -100 < shape["peak_minutes"] < 600
    assert shape["peak_change_low"] > 3.5 and 0 < shape["recovery_ratio"] < 0.4


# ---- rats in parallel groups: the consortium's own tables --------------------------------------


@pytest.fixture(scope="module", params=["metab", "prot"])
def muscle(request: pytest.FixtureRequest, data_dir: Path) -> pd.DataFrame:
    return load("motrpac_tables").reproduce(data_dir / "motrpac_rat_pass1b", request.param)


def test_motrpac_s_muscle_tables(muscle: pd.DataFrame):
    """Each published row, to the digits that are published (docs/motrpac.md)."""
    # what was not published are contrasts of groups without a value
    assert (muscle["estimate"].isna() == muscle["logFC"].isna()).all()
    both = muscle.dropna(subset=["estimate"])
    assert len(both) == {"metab": 12150, "prot": 61700}[both["set"].iloc[0]]
    # half a unit of the last published digit, and what the matrix' 5 decimals leave
    np.testing.assert_allclose(both["estimate"], both["logFC"], atol=0.005 + 2e-5)
    np.testing.assert_allclose(both["statistic"], both["t"], atol=0.0005 + 2e-4)
    np.testing.assert_allclose(both["df"], both["df.total"], atol=0.005 + 1e-4)
    for ours, theirs in (("p_value", "P.Value"), ("p_adj", "adj.P.Val")):
        np.testing.assert_allclose(both[ours], both[theirs], rtol=0.05 + 1e-3)
    assert np.corrcoef(both["statistic"], both["t"])[0, 1] > 1 - 1e-7
