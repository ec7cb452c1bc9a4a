"""What a user can do wrong, and data at the edge: one clear message, or a status."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UsageError

nan = np.nan


def pairs(values: np.ndarray) -> ad.AnnData:
    """People x (pre, post) of one feature or more (people x 2 x features)."""
    values = values.reshape(len(values), 2, -1)
    n = len(values)
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i}" for i in range(n)], 2),
            "timepoint": pd.Categorical(["pre", "post"] * n, ["pre", "post"], ordered=True),
        },
        index=[f"s{i}" for i in range(2 * n)],
    )
    adata = ad.AnnData(values.reshape(2 * n, -1), obs=obs)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


ONE_PAIR = np.array([[-0.7, -0.2], [1.7, nan], [-1.6, nan], [nan, 0.1], [nan, 0.2], [nan, 1.6]])


@pytest.mark.parametrize("ddf", ["kenward-roger", "satterthwaite", "residual"])
def test_one_pair_says_nothing_of_noise(ddf: str) -> None:
    """REML's residual variance runs to zero: a p of 1e-12 and one of 1 are both wrong."""
    frame = exo.tl.differential(pairs(ONE_PAIR), ddf=ddf)
    assert frame["status"].to_list() == ["variance not identified"]
    assert frame[["estimate", "se", "p_value"]].isna().all(axis=None)


def test_an_unbounded_fit_stays_out_of_the_prior() -> None:
    rng = np.random.default_rng(1)
    many = rng.normal(size=(6, 2, 40)) + rng.normal(size=(6, 1, 40))
    alone = exo.tl.differential(pairs(many), moderate=True)
    both = np.concatenate([many, ONE_PAIR[:, :, None]], axis=2)
    frame = exo.tl.differential(pairs(both), moderate=True)
    assert frame["status"].iloc[-1] == "variance not identified"
    pd.testing.assert_series_equal(frame["se"][:40], alone["se"], check_names=False)


def test_no_f_is_negative() -> None:
    """Kenward and Roger's df at or below 2 turn the scaling's sign: there is no such F."""
    rng = np.random.default_rng(2)
    n, times = 8, ["pre", "post", "late", "week"]
    values = rng.normal(size=(n, 4, 600)) + rng.normal(size=(n, 1, 600))
    values[rng.random(values.shape) < 0.5] = nan
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i}" for i in range(n)], 4),
            "timepoint": pd.Categorical(times * n, times, ordered=True),
        },
        index=[f"s{i}" for i in range(4 * n)],
    )
    adata = ad.AnnData(values.reshape(4 * n, -1), obs=obs)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    for moderate in (False, True):
        frame = exo.tl.differential(adata, joint=True, moderate=moderate)
        ok = frame["status"] == "ok"
        assert ok.mean() > 0.3 and frame.loc[ok, "p_value"].between(0, 1).all()
        joint = frame["contrast"] == "any change"
        assert (frame.loc[ok & joint, "statistic"] >= 0).all()
        assert frame.loc[~ok, "p_value"].isna().all()


def test_two_contrasts_of_one_name_are_refused(trial: ad.AnnData) -> None:
    trial.obs["age"] = np.arange(trial.n_obs, dtype=float)
    chosen = {"c": "EE.post - EE.pre", "c x age": "CON.post - CON.pre"}
    with pytest.raises(UsageError, match="Two contrasts are named 'c x age'"):
        exo.tl.differential(trial, moderators=["age"], contrasts=chosen)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"contrasts": 5}, "contrasts= is a int"),
        ({"contrasts": {"x": ("EE.post - EE.pre", 3)}}, "no expression"),
        ({"contrasts": {"x": 3}}, "not an expression"),
        ({"contrasts": {"x": []}}, "empty"),
        ({"key_added": None}, "slug"),
        ({"method": ["lmm"]}, "no method"),
        ({"joint": "yes"}, "neither True nor False"),
        ({"baseline": "pre"}, "baseline level"),
        ({"ddf": "satterthwaite", "method": "moderated"}, "Its options: block"),
        ({"weights": "age"}, "takes no weights"),
    ],
)
def test_odd_arguments_are_told(trial: ad.AnnData, call: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        exo.tl.differential(trial, **call)


def test_columns_that_are_no_numbers(trial: ad.AnnData) -> None:
    rng = np.random.default_rng(3)
    trial.obs["bmi"] = rng.normal(24, 3, trial.n_obs).round(1)
    number = exo.tl.differential(trial, covariates=["bmi"])
    trial.obs["bmi"] = trial.obs["bmi"].astype(object)
    pd.testing.assert_frame_equal(exo.tl.differential(trial, covariates=["bmi"]), number)
    trial.obs["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(trial.n_obs), "D")
    with pytest.raises(InputError, match="neither numbers nor levels"):
        exo.tl.differential(trial, covariates=["day"])
    with pytest.raises(InputError, match="neither numbers nor levels"):
        exo.tl.differential(trial, method="moderated", weights="day")
    with pytest.raises(InputError, match=r"Did you mean 'bmi'"):
        exo.tl.differential(trial, covariates=["BMI"])


def test_a_note_does_not_outlive_its_test(trial: ad.AnnData) -> None:
    late = (trial.obs["timepoint"] == "late").to_numpy()
    trial.X[late] += np.random.default_rng(4).normal(0, 9, trial.X[late].shape)
    for method in ("lmm", "moderated"):
        with pytest.warns(exo.errors.ExerkineWarning, match="paired_t"):
            exo.tl.differential(trial, method=method, arm=None)
        assert len(trial.uns["differential_variances"])
    exo.tl.differential(trial, method="paired_t", arm=None)
    assert "differential_variances" not in trial.uns


def test_nothing_may_leave_a_small_site(trial: ad.AnnData) -> None:
    with pytest.raises(AnalysisError, match="nothing may leave"):
        exo.tl.summarize(trial, min_people=20)
    with pytest.raises(exo.errors.UnitsError, match="raw"):
        exo.tl.summarize(trial, layer="raw")
    with pytest.raises(InputError, match="no feature"):
        exo.tl.summarize(trial[:, :0].copy())


def test_one_site_twice_is_told(trial: ad.AnnData) -> None:
    one = exo.tl.summarize(trial, min_people=1)
    with pytest.raises(UsageError, match="of the same people"):
        exo.tl.pool([one, one])


def test_a_person_who_is_most_of_a_covariate(trial: ad.AnnData) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    full = trial[trial.obs["subject_id"] != "P03"].copy()
    full.obs["dose"] = np.where(full.obs["subject_id"] == "P05", 1e9, np.arange(full.n_obs) % 7)
    with pytest.raises(AnalysisError, match="One person makes up"):
        exo.tl.summarize(full, covariates=["dose"])


def test_means_do_not_tell_of_those_left_out(trial: ad.AnnData) -> None:
    """P03 has no late visit and is left out: the mean age sent is that of the others."""
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    ages = {p: 20.0 + 3 * i for i, p in enumerate(trial.obs["subject_id"].unique())}
    trial.obs["age"] = trial.obs["subject_id"].map(ages).astype(float)
    sent = exo.tl.summarize(trial, covariates=["age"])
    assert (sent.dropped == 1).all() and sent.context["n_people"] == 13
    others = trial[trial.obs["subject_id"] != "P03"].obs["age"]
    assert sent.centre[0] == pytest.approx(others.mean())


@pytest.mark.parametrize("what", ["context", "short", "list", "npy", "version"])
def test_damaged_summaries_are_told(trial: ad.AnnData, tmp_path: Path, what: str) -> None:
    import json

    path = exo.tl.summarize(trial, min_people=1).save(tmp_path / "s.npz")
    with np.load(path) as stored:
        arrays = dict(stored)
    head = json.loads(arrays["head"].tobytes().decode())
    if what == "context":
        del head["context"]["cells"]
    elif what == "short":
        arrays["sums_yy"] = arrays["sums_yy"][:3]
    elif what == "list":
        head = [1, 2]
    elif what == "version":
        head["version"] = 99
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
    if what == "npy":
        np.save(tmp_path / "s.npy", arrays["sums_yy"])
        path = (tmp_path / "s.npy").rename(tmp_path / "renamed.npz")
    else:
        np.savez(path, **arrays)
    with pytest.raises(InputError, match="version 99" if what == "version" else "no summary"):
        exo.tl.pool([path])


def test_a_backed_cohort_keeps_its_file(trial: ad.AnnData, tmp_path: Path) -> None:
    exo.io.write(trial, tmp_path / "one.h5ad")
    backed = exo.io.read(tmp_path / "one.h5ad", backed=True)
    exo.io.write(backed, tmp_path / "two.h5ad")
    assert Path(backed.filename).name == "one.h5ad"
    assert (exo.tl.differential(backed)["status"] == "ok").all()
    with pytest.raises(UsageError, match="to_memory"):
        exo.tl.differential(backed[:, :5])


@pytest.mark.parametrize("method", ["lmm", "moderated", "paired_t", "wilcoxon", "signflip"])
def test_values_near_the_limits_of_float_warn_of_nothing(
    trial: ad.AnnData, method: str, recwarn: pytest.WarningsRecorder
) -> None:
    trial.X[:, 0] *= 1e160
    trial.X[:, 1] *= 1e-200
    options = {"n_permutations": 99} if method == "signflip" else {}
    frame = exo.tl.differential(trial, method=method, arm=None, **options)
    ok = frame["status"] == "ok"
    assert np.isfinite(frame.loc[ok & ~frame["feature"].isin(["A00", "A01"]), "estimate"]).all()
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]
