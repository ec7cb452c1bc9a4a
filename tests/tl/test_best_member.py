"""`tl.best_member`: effects by hand, its properties, and what its verdicts are worth."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import exerkine_omics as exo
from exerkine_omics.kernels._best_member import compare_best, deal_folds, draw_people

SETS = {
    "up": ["A00", "A01", "A02", "A03", "A04"],
    "signed": {"A00": 2.0, "A07": -1.0, "A08": 1.0},
    "one": ["A05"],
}
NUMBERS = ["effect_signature", "effect_best", "difference", "se", "ci_low", "p_value"]
COLUMNS = (
    "signature contrast effect_signature best_member effect_best_apparent effect_best "
    "chosen_share difference se df ci_low ci_high p_value p_adj verdict n_people n_members status"
).split()


@pytest.fixture
def wide_trial() -> ad.AnnData:
    """Two arms of 14, 12 proteins of independent noise; `post` raises the first five in EE."""
    rng = np.random.default_rng(5)
    rows, values = [], []
    for number in range(28):
        level = rng.normal(5, 1, 12)
        for time in ("pre", "post"):
            shift = np.zeros(12)
            if time == "post" and number < 14:
                shift[:5] = 0.6
            rows.append((f"P{number:02d}", time, "EE" if number < 14 else "CON"))
            values.append(level + shift + rng.normal(0, 0.4, 12))
    obs = pd.DataFrame(rows, columns=["subject_id", "timepoint", "arm"])
    obs.index = obs["subject_id"] + "_" + obs["timepoint"]
    obs["timepoint"] = pd.Categorical(obs["timepoint"], ["pre", "post"], ordered=True)
    obs["arm"] = pd.Categorical(obs["arm"], ["CON", "EE"])
    var = pd.DataFrame(index=[f"A{i:02d}" for i in range(12)])
    adata = ad.AnnData(np.array(values), obs=obs, var=var)
    adata.uns["exerkine"] = {"units": "NPX", "modality": "proteomics", "baseline": "pre"}
    return adata


def changes(adata: ad.AnnData) -> dict[str, pd.DataFrame]:
    """Each person's change in baseline SDs, by arm."""
    wide = pd.DataFrame(adata.X, adata.obs_names, adata.var_names)
    wide = wide / wide[(adata.obs["timepoint"] == "pre").to_numpy()].std()
    wide["person"] = adata.obs["subject_id"].astype(str)
    pre, post = (
        wide[(adata.obs["timepoint"] == t).to_numpy()].set_index("person") for t in ("pre", "post")
    )
    delta = post - pre.loc[post.index]
    arm = adata.obs.drop_duplicates("subject_id").set_index("subject_id")["arm"]
    return {a: delta[(arm.loc[delta.index] == a).to_numpy()] for a in ("EE", "CON")}


def row(frame: pd.DataFrame, contrast: str, signature: str) -> pd.Series:
    return frame[(frame["contrast"] == contrast) & (frame["signature"] == signature)].iloc[0]


# ---- by hand


@pytest.mark.quick
def test_effects_by_hand(wide_trial: ad.AnnData) -> None:
    frame = exo.tl.best_member(wide_trial, SETS, control="CON", n_boot=100)
    assert list(frame.columns) == COLUMNS
    delta = changes(wide_trial)
    score = {a: d[SETS["up"]].mean(axis=1) for a, d in delta.items()}
    one = row(frame, "EE: post - pre", "up")
    assert one["effect_signature"] == pytest.approx(score["EE"].mean() / score["EE"].std())
    own = (delta["EE"].mean() / delta["EE"].std())[SETS["up"]]
    assert one["best_member"] == own.idxmax()
    assert one["effect_best_apparent"] == pytest.approx(own.max())
    assert one["difference"] == pytest.approx(one["effect_signature"] - one["effect_best"])
    assert one["df"] == 13 and one["n_people"] == 14 and one["n_members"] == 5
    half = stats.t.ppf(0.975, 13) * one["se"]
    assert one["ci_high"] - one["difference"] == pytest.approx(half)
    p = 2 * stats.t.sf(abs(one["difference"]) / one["se"], 13)
    assert one["p_value"] == pytest.approx(p)
    two = row(frame, "EE - CON: post - pre", "signed")
    turned = {a: d[["A00", "A07", "A08"]] * [1, -1, 1] for a, d in delta.items()}
    top = turned["EE"].mean() - turned["CON"].mean()
    effect = top / np.sqrt((turned["EE"].var() + turned["CON"].var()) / 2)
    assert two["effect_best_apparent"] == pytest.approx(effect.max())
    assert two["best_member"] == effect.idxmax() and two["df"] == 26
    lone = row(frame, "EE: post - pre", "one")
    assert (lone["status"], lone["verdict"]) == ("fewer than 2 members measured", "not compared")


def test_cross_fit_by_hand() -> None:
    """Each person is valued by the member that the other folds choose; a loop says the same."""
    rng = np.random.default_rng(2)
    x = rng.normal(0.4, 1, (17, 4))
    x[rng.random(x.shape) < 0.15] = np.nan
    group = np.repeat([0, 1], [9, 8])
    y = np.nanmean(x, axis=1)
    folds = deal_folds(group, 5, 3, rng)
    here = np.ones((2, 17))
    sign = np.array([1.0, -1.0])
    got = compare_best(y, x, group, sign, folds, here)

    def effect(values: np.ndarray, own: np.ndarray) -> float:
        arms = [values[(own == g) & np.isfinite(values)] for g in (0, 1)]
        sd = np.sqrt(np.mean([a.var(ddof=1) for a in arms]))
        return (arms[0].mean() - arms[1].mean()) / sd

    def spread(values: np.ndarray) -> float:
        return np.sqrt(np.mean([np.nanvar(values[group == g], ddof=1) for g in (0, 1)]))

    held: dict[int, list[float]] = {0: [], 1: []}
    for fold in folds:
        for k in range(5):
            train = fold != k
            best = max(range(4), key=lambda j: effect(x[train, j], group[train]))
            for i in np.flatnonzero(~train & np.isfinite(x[:, best])):
                held[group[i]].append(x[i, best] / spread(x[:, best]))
    assert got.crossed == pytest.approx(np.mean(held[0]) - np.mean(held[1]))
    assert got.signature == pytest.approx(effect(y, group))
    assert got.apparent == pytest.approx(max(effect(x[:, j], group) for j in range(4)))
    assert got.crossed < got.apparent


def test_resample_is_the_sample_with_copies() -> None:
    """A weight of 2 is a person twice, with both copies in one fold."""
    rng = np.random.default_rng(4)
    x, group = rng.normal(0.3, 1, (10, 3)), np.zeros(10, dtype=int)
    folds, counts = deal_folds(group, 5, 4, rng), draw_people(group, 2, rng)
    copies = np.repeat(np.arange(10), counts[0].astype(int))
    got = compare_best(x.mean(axis=1), x, group, np.ones(1), folds, counts)
    both = []
    for draw in counts:
        copies = np.repeat(np.arange(10), draw.astype(int))
        own = x[copies]
        ones = np.ones((1, 10))
        alone = compare_best(own.mean(axis=1), own, group, np.ones(1), folds[:, copies], ones)
        both.append(alone.difference)
    assert got.se == pytest.approx(np.std(both, ddof=1))
    assert (draw_people(np.array([0, 0, 0, 1, 1]), 9, rng)[:, :3].sum(axis=1) == 3).all()


def test_folds_are_even_within_arms() -> None:
    group = np.repeat([0, 1], [13, 9])
    folds = deal_folds(group, 5, 6, np.random.default_rng(0))
    for fold in folds:
        for g, sizes in ((0, {2, 3}), (1, {1, 2})):
            assert set(np.bincount(fold[group == g], minlength=5)) == sizes
        assert set(np.bincount(fold, minlength=5)) == {4, 5}


# ---- properties


def test_order_shift_and_seed(wide_trial: ad.AnnData) -> None:
    wide_trial.X[np.random.default_rng(1).random(wide_trial.shape) < 0.1] = np.nan
    frame = exo.tl.best_member(wide_trial, SETS, control="CON", n_boot=100, seed=3)
    rng = np.random.default_rng(0)
    mixed = wide_trial[rng.permutation(56), rng.permutation(12)].copy()
    turned = {k: v if isinstance(v, dict) else v[::-1] for k, v in SETS.items()}
    again = exo.tl.best_member(mixed, turned, control="CON", n_boot=100, seed=3)
    pd.testing.assert_frame_equal(again, frame, rtol=1e-9)
    moved = wide_trial.copy()
    moved.X = moved.X + 1e5
    pd.testing.assert_frame_equal(
        exo.tl.best_member(moved, SETS, control="CON", n_boot=100, seed=3), frame, rtol=1e-6
    )
    other = exo.tl.best_member(wide_trial, SETS, control="CON", n_boot=100, seed=4)
    tested = frame["status"] == "ok"
    assert (other["se"] != frame["se"])[tested].all()
    assert (other["effect_signature"] == frame["effect_signature"])[tested].all()


def test_all_signs_turned_change_nothing(wide_trial: ad.AnnData) -> None:
    up = {"s": dict.fromkeys(SETS["up"], 1.0)}
    down = {"s": dict.fromkeys(SETS["up"], -1.0)}
    frame = exo.tl.best_member(wide_trial, up, control="CON", n_boot=100)
    wide_trial.X = -wide_trial.X
    fallen = exo.tl.best_member(wide_trial, up, control="CON", n_boot=100)
    pd.testing.assert_frame_equal(
        exo.tl.best_member(wide_trial, down, control="CON", n_boot=100), frame, rtol=1e-9
    )
    against = row(fallen, "EE: post - pre", "s")
    assert (against["status"], against["verdict"]) == ("moves against its weights", "not compared")
    assert against["effect_signature"] < -1 and np.isnan(against["difference"])


def test_nan_person_is_an_absent_one(wide_trial: ad.AnnData) -> None:
    empty = wide_trial.copy()
    empty.X[empty.obs_names.get_loc("P03_post")] = np.nan
    gone = wide_trial[wide_trial.obs_names != "P03_post"].copy()
    one, two = (exo.tl.best_member(a, SETS, control="CON", n_boot=100) for a in (empty, gone))
    pd.testing.assert_frame_equal(one, two)
    assert row(one, "EE: post - pre", "up")["n_people"] == 13


def test_a_rare_member_is_no_candidate(wide_trial: ad.AnnData) -> None:
    rare = (wide_trial.obs["subject_id"] > "P05").to_numpy()
    wide_trial.X[rare, 0] = np.nan
    frame = exo.tl.best_member(wide_trial, SETS, n_boot=100)
    assert row(frame, "EE: post - pre", "up")["n_members"] == 4
    few = wide_trial[(wide_trial.obs["subject_id"] < "P05").to_numpy()].copy()
    frame = exo.tl.best_member(few, SETS, arm=None, n_boot=100)
    assert set(frame["status"]) == {"fewer than 6 people"}
    assert frame[NUMBERS].isna().all(axis=None)


def test_a_flat_signature_has_a_status(wide_trial: ad.AnnData) -> None:
    after = (wide_trial.obs["timepoint"] == "post").to_numpy()
    wide_trial.X[after] = wide_trial.X[~after] + 1.0
    frame = exo.tl.best_member(wide_trial, {"up": SETS["up"]}, arm=None, n_boot=100)
    assert frame["status"].tolist() == ["no variance"]
    assert frame["difference"].isna().all()


def test_storage_and_columns_of_the_users_names(wide_trial: ad.AnnData, round_trip) -> None:
    frame = exo.tl.best_member(wide_trial, SETS, n_boot=100, key_added="mine")
    back = round_trip(wide_trial).uns["mine"]
    pd.testing.assert_frame_equal(back, frame, check_dtype=False, check_categorical=False)
    renamed = wide_trial.copy()
    renamed.obs = renamed.obs.rename(
        columns={"subject_id": "who", "timepoint": "when", "arm": "what"}
    )
    again = exo.tl.best_member(
        renamed, SETS, timepoint="when", subject="who", arm="what", n_boot=100
    )
    pd.testing.assert_frame_equal(again, frame)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"control": "EX"}, "UsageError", "none of the arms"),
        ({"control": "CON", "arm": None}, "UsageError", "none of the arms"),
        ({"min_coverage": 1.5}, "UsageError", "between 0 and 1"),
        ({"min_coverage": "half"}, "UsageError", "between 0 and 1"),
        ({"n_boot": 10}, "UsageError", "100"),
        ({"n_boot": 200.0}, "UsageError", "whole"),
        ({"seed": -1}, "UsageError", "seed"),
        ({"key_added": "a/b"}, "UsageError", "slug"),
        ({"several": "mean"}, "UsageError", "several"),
        ({"timepoint": "visit"}, "InputError", "visit"),
        ({"signatures": {"x": "A00"}}, "UsageError", "string"),
        ({"signatures": ["A00"]}, "UsageError", "mapping"),
    ],
)
def test_bad_input(wide_trial: ad.AnnData, options: dict, error: str, words: str) -> None:
    arguments = {"signatures": SETS, "n_boot": 100} | options
    with pytest.raises(getattr(exo.errors, error), match=words):
        exo.tl.best_member(wide_trial, **arguments)


def test_linear_units_are_refused(wide_trial: ad.AnnData) -> None:
    wide_trial.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(exo.errors.UnitsError, match="log"):
        exo.tl.best_member(wide_trial, SETS)


# ---- what the verdict is worth (docs/signature_drivers.md)


def truth(case: str, k: int) -> tuple[np.ndarray, float]:
    """Effects of k members of unit variance, and the correlation of their noise."""
    rest = (np.sqrt(k) - 1) / (k - 1)
    return {
        "nothing": (np.zeros(k), 0.0),
        "nothing, correlated": (np.zeros(k), 0.5),
        "one carries all": (np.append(1.0, np.zeros(k - 1)), 0.0),
        # the mean of independent members has exactly the best one's effect
        "no difference": (np.append(1.0, np.full(k - 1, rest)), 0.0),
        "no difference, strong": (np.append(3.0, np.full(k - 1, 3 * rest)), 0.0),
        "all alike": (np.full(k, 0.5), 0.0),
        "all alike, strong": (np.full(k, 1.0), 0.0),
        "copies": (np.full(k, 0.6), 0.98),
    }[case]


def verdicts(
    case: str, n: int, k: int, *, arms: int = 1, cohorts: int, n_boot: int = 200, seed: int = 0
) -> dict[str, float]:
    """Shares of cohorts: the interval covers the truth, the signature wins, a member wins."""
    mean, rho = truth(case, k)
    noise = np.sqrt(1 - rho)
    true = mean.mean() / np.sqrt(rho + (1 - rho) / k) - mean.max()
    group = np.repeat(np.arange(arms), n)
    sign = np.array([1.0, -1.0][:arms])
    quantile = special.stdtrit(arms * (n - 1), 0.975)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(cohorts):
        x = np.sqrt(rho) * rng.normal(size=(arms * n, 1)) + noise * rng.normal(size=(arms * n, k))
        x[group == 0] += mean
        folds, draws = deal_folds(group, 5, 10, rng), draw_people(group, n_boot, rng)
        got = compare_best(x.mean(axis=1), x, group, sign, folds, draws)
        low, high = got.difference + np.array([-1, 1]) * quantile * got.se
        found.append((low <= true <= high, low > 0, high < 0, got.difference - true, got.apparent))
    mean_found = np.mean(found, axis=0)
    names = ("covered", "signature", "single", "bias", "apparent")
    return dict(zip(names, mean_found.tolist(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k"), [(8, 8), (20, 3), (20, 8)])
def test_intervals_cover_and_no_better_is_not_called_better(n: int, k: int) -> None:
    """At least 95% within four standard errors, the truly best member as the opponent."""
    for case in ("nothing", "no difference", "no difference, strong", "one carries all"):
        got = verdicts(case, n, k, cohorts=150)
        assert got["covered"] > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 150), (case, got)
        assert got["signature"] < 0.025 + 4 * np.sqrt(0.025 * 0.975 / 150), (case, got)


@pytest.mark.slow
def test_intervals_of_two_arms_cover() -> None:
    for case in ("nothing", "no difference", "all alike, strong"):
        got = verdicts(case, 15, 5, arms=2, cohorts=300)
        assert got["covered"] > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 300), (case, got)


@pytest.mark.slow
def test_verdicts_have_power() -> None:
    """Many equal members beat any of them; one that carries everything beats the mean."""
    together = verdicts("all alike, strong", 40, 8, cohorts=150)
    assert together["signature"] > 0.85 and together["single"] == 0
    alone = verdicts("one carries all", 40, 8, cohorts=150)
    assert alone["single"] > 0.55 and alone["signature"] == 0


@pytest.mark.slow
def test_the_apparent_best_is_too_good_and_the_cross_fitted_is_not() -> None:
    """Nothing there: the member picked on the same 12 people seems to have an effect of 0.46."""
    got = verdicts("nothing", 12, 8, cohorts=300)
    assert got["apparent"] > 0.35
    assert abs(got["bias"]) < 0.1
