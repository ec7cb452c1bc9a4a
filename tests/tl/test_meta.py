"""`tl.meta`: what enters, what is refused, what the frame says; its properties."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics import schema
from exerkine_omics.errors import (
    AnalysisError,
    ExerkineWarning,
    InputError,
    UnitsError,
    UsageError,
)
from exerkine_omics.kernels import _meta as kernel
from exerkine_omics.kernels._effect import small_sample_factor

EXTRA = ["tau2", "i2", "pi_low", "pi_high", "q", "q_p", "n_cohorts", "n_up", "n_down"]
NUMBERS = ["estimate", "se", "df", "statistic", "p_value", "p_adj", "ci_low", "ci_high"]


def cohort(
    seed: int, features=tuple("abcdefgh"), contrasts=("post - pre", "late - pre"), n=20, units="NPX"
) -> pd.DataFrame:
    """A made-up result frame; the same feature has the same true effect in all cohorts."""
    rng = np.random.default_rng(seed)
    frames = []
    for contrast in contrasts:
        estimate = np.array([(ord(f[0]) % 5 - 2) * 0.4 for f in features])
        estimate = estimate + rng.normal(0, 0.2, len(features))
        frame = pd.DataFrame({"feature": list(features), "contrast": contrast})
        se, df = rng.uniform(0.1, 0.3, len(features)), n - 1.0
        half = stats.t.ppf(0.975, df) * se
        frame = frame.assign(estimate=estimate, se=se, df=df, statistic=estimate / se)
        frame["p_value"] = 2 * stats.t.sf(np.abs(frame["statistic"]), df)
        frame["p_adj"] = stats.false_discovery_control(frame["p_value"])
        frame = frame.assign(ci_low=estimate - half, ci_high=estimate + half)
        frame["effect_size"] = estimate / rng.uniform(0.5, 1.5, len(features))
        frame = frame.assign(n_pairs=n, n_obs=2 * n, method="paired_t", units=units)
        frames.append(frame.assign(family=contrast, status="ok"))
    text = dict.fromkeys([c for c, d in schema.RESULT_COLUMNS.items() if d == "category"], "str")
    return pd.concat(frames, ignore_index=True).astype(text).astype(schema.RESULT_COLUMNS)


@pytest.fixture
def frames() -> dict[str, pd.DataFrame]:
    return {name: cohort(seed, n=15 + 5 * seed) for seed, name in enumerate("ABC")}


def change(frame: pd.DataFrame, feature: str, **values: object) -> pd.DataFrame:
    """Copy of a frame with values of one feature replaced, in its first contrast."""
    frame = frame.astype({"status": str, "units": str})
    rows = frame["feature"].astype(str) == feature
    first = frame.index[rows][0]
    for column, value in values.items():
        frame.loc[first, column] = value
    return frame


def row(frame: pd.DataFrame, feature: str, contrast: str = "post - pre") -> pd.Series:
    own = (frame["feature"] == feature) & (frame["contrast"] == contrast)
    assert own.sum() == 1
    return frame[own].iloc[0]


@pytest.mark.quick
def test_frame_is_the_contract_and_the_kernel_s(frames) -> None:
    result = exo.tl.meta(frames)
    assert list(result.columns) == [*schema.RESULT_COLUMNS, *EXTRA]
    for column, dtype in schema.RESULT_COLUMNS.items():
        assert str(result[column].dtype) == dtype
    assert [str(result[c].dtype) for c in EXTRA] == ["float64"] * 6 + ["int64"] * 3
    assert isinstance(result.index, pd.RangeIndex) and len(result) == 16
    wide = {c: np.column_stack([f[c] for f in frames.values()]) for c in ("estimate", "se")}
    pooled = kernel.pool(wide["estimate"], wide["se"])
    for column in [*NUMBERS, *EXTRA[:6]]:
        if column != "p_adj":
            np.testing.assert_allclose(result[column], getattr(pooled, column), rtol=1e-12)
    assert (result["status"] == "ok").all() and (result["n_cohorts"] == 3).all()
    assert (result["n_pairs"] == 60).all() and (result["n_obs"] == 120).all()
    assert (result["method"] == "meta_reml_hk").all() and (result["units"] == "NPX").all()
    assert (result["df"] == 2).all() and (result["family"] == result["contrast"].astype(str)).all()
    for contrast in ("post - pre", "late - pre"):
        part = result[result["contrast"] == contrast]
        np.testing.assert_allclose(part["p_adj"], stats.false_discovery_control(part["p_value"]))
    signs = np.sign(wide["estimate"])
    assert (result["n_up"] == (signs > 0).sum(axis=1)).all()
    size = np.column_stack([f["effect_size"] for f in frames.values()])
    error = wide["se"] * size / wide["estimate"]
    np.testing.assert_allclose(result["effect_size"], kernel.pool(size, error).estimate, rtol=1e-10)
    direct = exo.tl.meta(frames, pool="standardised")
    np.testing.assert_allclose(direct["estimate"], result["effect_size"], rtol=1e-12)
    np.testing.assert_allclose(direct["effect_size"], direct["estimate"], rtol=1e-12)
    assert (direct["units"] == "SD").all()


@pytest.mark.quick
@pytest.mark.parametrize("pool", ["estimate", "standardised", "direction"])
def test_order_of_cohorts_and_rows_is_irrelevant(pool: str, frames) -> None:
    frames["B"] = change(frames["B"], "c", status="constant")
    base = exo.tl.meta(frames, pool=pool)
    turned = exo.tl.meta(dict(reversed(frames.items())), pool=pool)
    pd.testing.assert_frame_equal(base, turned)  # to the bit
    shuffled = {k: f.sample(frac=1, random_state=3) for k, f in frames.items()}
    result = exo.tl.meta(shuffled, pool=pool).astype({"feature": str, "contrast": str})
    keys = ["feature", "contrast"]
    expected = base.astype({"feature": str, "contrast": str}).set_index(keys)
    result = result.set_index(keys).loc[expected.index]
    for column in [*NUMBERS, *EXTRA]:
        np.testing.assert_array_equal(result[column], expected[column])


def test_sign_and_shift(frames) -> None:
    base = exo.tl.meta(frames)
    ends = {"ci_low": "ci_high", "ci_high": "ci_low"}
    columns = ["estimate", "statistic", "effect_size", "ci_low", "ci_high"]
    turned = {k: f.assign(**{c: -f[ends.get(c, c)] for c in columns}) for k, f in frames.items()}
    minus = exo.tl.meta(turned)
    np.testing.assert_allclose(minus["estimate"], -base["estimate"], rtol=1e-12)
    np.testing.assert_allclose(minus["pi_low"], -base["pi_high"], rtol=1e-12)
    np.testing.assert_allclose(minus["p_value"], base["p_value"], rtol=1e-12)
    assert (minus["n_up"] == base["n_down"]).all()
    votes = [exo.tl.meta(f, pool="direction")["statistic"] for f in (turned, frames)]
    np.testing.assert_allclose(votes[0], -votes[1], rtol=1e-12)
    far = exo.tl.meta({k: f.assign(estimate=f["estimate"] + 1e5) for k, f in frames.items()})
    np.testing.assert_allclose(far["estimate"] - 1e5, base["estimate"], atol=1e-9)
    np.testing.assert_allclose(far["tau2"], base["tau2"], atol=1e-9)
    np.testing.assert_allclose(far["se"], base["se"], rtol=1e-6)


def test_identical_cohorts(frames) -> None:
    same = dict.fromkeys("ABCD", frames["A"])
    result = exo.tl.meta(same)
    assert (result["status"] == "no variance between cohorts").all()
    assert result[[*NUMBERS, *EXTRA[:6]]].isna().all().all() and (result["n_cohorts"] == 4).all()
    for options in ({"interval": "wald"}, {"interval": "hartung-knapp-adhoc"}, {"method": "fixed"}):
        result = exo.tl.meta(same, **options)
        assert (result["status"] == "ok").all() and (result["tau2"] == 0).all()
        np.testing.assert_allclose(result["estimate"], frames["A"]["estimate"])
        np.testing.assert_allclose(result["se"], frames["A"]["se"] / 2)


@pytest.mark.quick
def test_what_does_not_enter_has_a_status(frames) -> None:
    nan = np.nan
    a, b, c = frames.values()
    a, b = change(a, "a", status="constant", estimate=nan), change(b, "a", status="constant")
    for name in "bc":  # b: no result anywhere but C; c: nowhere
        a, b = change(a, name, status="no pairs"), change(b, name, status="no pairs")
    c = change(change(c, "c", status="not measured"), "d", se=nan)
    a, b = change(a, "d", se=0.0), change(b, "d", se=nan)
    for name in "e":  # a joint F test: statistic and p, no estimate
        a, b, c = (change(f, name, estimate=nan, se=nan) for f in (a, b, c))
    a = change(a, "f", estimate=nan, se=nan)
    c = c[c["feature"] != "g"]
    result = exo.tl.meta({"A": a, "B": b, "C": c})
    assert row(result, "a")["status"] == row(result, "b")["status"] == "one cohort only"
    assert row(result, "c")["status"] == "no cohort has a result"
    assert row(result, "d")["status"] == "no cohort has an estimate with its SE"
    assert row(result, "e")["status"] == "a joint test has no estimate to pool"
    assert row(result, "f")["status"] == "ok" and row(result, "f")["n_cohorts"] == 2
    assert row(result, "f")["n_pairs"] == 45 and row(result, "f")["df"] == 1
    assert row(result, "g")["n_cohorts"] == 2
    bad = result[result["status"] != "ok"]
    assert len(bad) == 5 and bad[[*NUMBERS, "effect_size", *EXTRA[:6]]].isna().all().all()
    assert (result["status"] == "ok").sum() == 11
    three = exo.tl.meta({"A": a, "B": b, "C": c}, min_cohorts=3)
    assert row(three, "f")["status"] == "fewer than 3 cohorts"
    assert row(three, "a")["status"] == "one cohort only"
    direct = exo.tl.meta({"A": a, "B": b, "C": c}, pool="direction")
    assert row(direct, "e")["status"] == "a joint test has no estimate to pool"
    assert row(direct, "d")["status"] == "ok"  # a p value needs no SE


def test_one_cohort_passes_through_when_asked(frames) -> None:
    frames["A"] = frames["A"][frames["A"]["feature"] != "b"]
    frames["B"] = frames["B"][frames["B"]["feature"] != "b"]
    own = row(frames["C"], "b")
    for pool, value, factor in (
        ("estimate", "estimate", 1.0),
        ("standardised", "effect_size", own["effect_size"] / own["estimate"]),
    ):
        result = row(exo.tl.meta(frames, min_cohorts=1, pool=pool), "b")
        assert result["status"] == "ok" and result["n_cohorts"] == 1 and result["n_pairs"] == 25
        assert result["estimate"] == own[value]
        for column in ("df", "statistic", "p_value"):
            assert result[column] == own[column]
        for column in ("se", "ci_low", "ci_high"):
            assert result[column] == pytest.approx(own[column] * factor)
        assert np.isnan(list(result[EXTRA[:6]].astype(float))).all()
    single = exo.tl.meta({"C": frames["C"]}, min_cohorts=1)
    np.testing.assert_array_equal(single["p_adj"], frames["C"]["p_adj"])
    direct = row(exo.tl.meta(frames, min_cohorts=1, pool="direction"), "b")
    assert direct["p_value"] == pytest.approx(own["p_value"])


@pytest.mark.quick
def test_fold_changes_of_two_platforms_are_refused(frames) -> None:
    frames["C"] = cohort(2, units="log2")
    with pytest.raises(UnitsError, match=r"units \('NPX': 'A', 'B'; 'log2': 'C'\)"):
        exo.tl.meta(frames)
    with pytest.raises(UnitsError, match="never pooled"):
        exo.tl.meta(frames, pool="estimate")
    assert (exo.tl.meta(frames, pool="standardised")["status"] == "ok").all()
    same = {"A": frames["A"], "B": frames["B"]}
    with pytest.raises(UnitsError, match=r"platforms \('Explore': 'A'; 'Target 96': 'B'\)"):
        exo.tl.meta(same, platforms={"A": "Explore", "B": "Target 96"})
    agreed = exo.tl.meta(same, platforms=dict.fromkeys("AB", "Explore"))
    pd.testing.assert_frame_equal(agreed, exo.tl.meta(same, pool="estimate"))


def test_direction(frames) -> None:
    frames["C"] = cohort(2, units="log2")
    frames["B"] = change(frames["B"], "a", estimate=0.0, p_value=1.0)
    result = exo.tl.meta(frames, pool="direction")
    assert (result["method"] == "meta_direction").all() and (result["units"] == "z").all()
    assert result[["estimate", "se", "ci_low", "effect_size", "tau2", "pi_low"]].isna().all().all()
    assert np.isinf(result["df"]).all() and (result["status"] == "ok").all()
    first = row(result, "a")
    assert first["n_up"] + first["n_down"] == 2 and first["n_cohorts"] == 3
    p = [row(f, "b")["p_value"] for f in frames.values()]
    sign = [np.sign(row(f, "b")["estimate"]) for f in frames.values()]
    weight = np.sqrt([row(f, "b")["n_pairs"] for f in frames.values()])
    z = (weight * sign * stats.norm.isf(np.array(p) / 2)).sum() / np.sqrt((weight**2).sum())
    assert row(result, "b")["statistic"] == pytest.approx(z)
    assert row(result, "b")["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z)))


@pytest.mark.quick
def test_platforms_join_by_a_common_id(frames) -> None:
    soma = cohort(2, features=("seq.1", "seq.2", "seq.3", "seq.4"), units="log2")
    ids = pd.Series({"seq.1": "a", "seq.2": "b", "seq.3": "b", "seq.4": None})
    both = {"olink": frames["A"], "soma": soma}
    with pytest.raises(AnalysisError, match="No feature stands in two cohorts"):
        exo.tl.meta(both, pool="standardised")
    with pytest.warns(ExerkineWarning, match="1 features of 'soma' have no common id.*'seq.4'"):
        with pytest.raises(InputError, match="Several assays of 'soma' have one id: 'b: seq.2"):
            exo.tl.meta(both, pool="standardised", features={"soma": ids})
    with pytest.warns(ExerkineWarning):
        result = exo.tl.meta(
            both, pool="standardised", features={"soma": ids}, several="smallest_se"
        )
    assert set(result.loc[result["status"] == "ok", "feature"]) == {"a", "b"}
    parts = [row(soma, name) for name in ("seq.2", "seq.3")]
    best = min(parts, key=lambda r: r["se"] * r["effect_size"] / r["estimate"])
    own = row(frames["A"], "b")
    size = np.array([[own["effect_size"], best["effect_size"]]])
    se = np.array([[r["se"] * r["effect_size"] / r["estimate"] for r in (own, best)]])
    expected = kernel.pool(size, se)
    assert row(result, "b")["estimate"] == pytest.approx(expected.estimate[0])
    assert row(result, "b")["p_value"] == pytest.approx(expected.p_value[0])
    # an assay without a result leaves its place to the one that has one
    soma = change(soma, best["feature"], status="constant")
    with pytest.warns(ExerkineWarning):
        other = exo.tl.meta(
            {**both, "soma": soma},
            pool="standardised",
            features={"soma": ids},
            several="smallest_se",
        )
    assert row(other, "b")["status"] == "ok"
    assert row(other, "b")["estimate"] != pytest.approx(row(result, "b")["estimate"])


def test_an_estimate_of_zero_has_no_standardised_se(frames) -> None:
    frames["A"] = change(frames["A"], "a", estimate=0.0, effect_size=0.0)
    with pytest.warns(ExerkineWarning, match="1 rows whose estimate is exactly 0.*'a'"):
        result = exo.tl.meta(frames, pool="standardised")
    assert row(result, "a")["n_cohorts"] == 2
    assert np.isnan(row(exo.tl.meta(frames), "a")["effect_size"])  # one of the three has none
    assert row(exo.tl.meta(frames), "a")["n_cohorts"] == 3


@pytest.mark.quick
def test_leave_one_out(frames) -> None:
    result = exo.tl.meta(frames, leave_one_out=True)
    assert list(result.columns) == [*schema.RESULT_COLUMNS, *EXTRA, "left_out"]
    assert list(result["left_out"].cat.categories) == ["A", "B", "C"] and len(result) == 48
    rest = exo.tl.meta({k: frames[k] for k in "AC"})
    part = result[result["left_out"] == "B"].reset_index(drop=True)
    for column in [*NUMBERS, "effect_size", "n_pairs", *EXTRA]:
        np.testing.assert_array_equal(part[column], rest[column])
    assert set(part["family"]) == {"post - pre, without B", "late - pre, without B"}
    two = exo.tl.meta({k: frames[k] for k in "AB"}, leave_one_out=True)
    assert (two["status"] == "one cohort only").all()


def test_kept_in_h5ad_and_parquet(frames, round_trip, tmp_path: Path) -> None:
    frames["A"] = change(frames["A"], "a", status="constant")
    for options in ({}, {"pool": "direction"}, {"leave_one_out": True}, {"interval": "wald"}):
        result = exo.tl.meta(frames, **options)
        adata = ad.AnnData(np.zeros((1, 1)), uns={"meta": result})
        back = round_trip(adata).uns["meta"]
        pd.testing.assert_frame_equal(back, result, check_index_type=False, check_categorical=False)
        result.to_parquet(tmp_path / "meta.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "meta.parquet"), result)


def test_real_frames_of_the_package() -> None:
    sites = {s: exo.datasets.simulate(24, seed=n).adata for n, s in enumerate("ABC")}
    frames = {
        s: exo.tl.differential(a, control="CON", variance="contrast") for s, a in sites.items()
    }
    result = exo.tl.meta(frames)
    assert (result["status"] == "ok").all()
    assert row(result, "IL6", "EE: post - pre")["estimate"] == pytest.approx(5, abs=1.5)


BAD = {
    "not a mapping": (lambda f: list(f.values()), {}, UsageError, "takes .cohort: result frame"),
    "a frame alone": (lambda f: f["A"], {}, UsageError, "DataFrame"),
    "nothing": (lambda f: {}, {}, UsageError, "no names"),
    "no frame": (lambda f: {"A": f["A"], "B": 3}, {}, UsageError, "'B' is a int"),
    "one cohort": (lambda f: {"A": f["A"]}, {}, UsageError, "fewer cohorts"),
    "columns": (
        lambda f: {**f, "B": f["B"].drop(columns="se")},
        {},
        InputError,
        "'B' lacks the columns 'se'",
    ),
    "twice": (
        lambda f: {**f, "B": pd.concat([f["B"], f["B"].head(1)])},
        {},
        InputError,
        "'a' stand twice",
    ),
    "text": (lambda f: {**f, "B": f["B"].assign(se="x")}, {}, InputError, "'se' holds text"),
    "gaps": (lambda f: {**f, "B": f["B"].assign(n_obs=np.nan)}, {}, InputError, "'n_obs' has gaps"),
    "contrasts": (
        lambda f: {"A": f["A"], "B": cohort(1, contrasts=("week 8 - week 0",))},
        {},
        AnalysisError,
        "rename_categories",
    ),
    "method": (dict, {"method": "ml"}, UsageError, "method='ml' is not known"),
    "interval": (dict, {"interval": "hk"}, UsageError, "hartung-knapp-adhoc"),
    "pool": (dict, {"pool": "log2fc"}, UsageError, "standardised"),
    "several": (dict, {"several": "mean"}, UsageError, "smallest_se"),
    "foreign interval": (dict, {"pool": "direction", "interval": "wald"}, UsageError, "no option"),
    "foreign method": (dict, {"pool": "direction", "method": "fixed"}, UsageError, "no option"),
    "min 0": (dict, {"min_cohorts": 0}, UsageError, "min_cohorts=0"),
    "min true": (dict, {"min_cohorts": True}, UsageError, "min_cohorts=True"),
    "min 2.5": (dict, {"min_cohorts": 2.5}, UsageError, "min_cohorts=2.5"),
    "platform of whom": (dict, {"platforms": {"Z": "x"}}, UsageError, "'Z' are no cohorts"),
    "platform lacking": (dict, {"platforms": {"A": "x"}}, UsageError, "'B', 'C' have no platform"),
    "ids of whom": (dict, {"features": {"Z": {}}}, UsageError, "'Z' are no cohorts"),
    "ids of others": (dict, {"features": {"A": {"z": "y"}}}, InputError, "None of the features"),
    "platforms as text": (dict, {"platforms": "olink"}, UsageError, "names no cohorts"),
    "ids as a frame": (lambda f: f, {"features": {"A": pd.DataFrame()}}, UsageError, "DataFrame"),
    "two ids": (
        dict,
        {"features": {"A": pd.Series(["x", "y"], index=["a", "a"])}},
        InputError,
        "'a' have several ids",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told(case: str, frames) -> None:
    make, options, error, text = BAD[case]
    with pytest.raises(error, match=text):
        exo.tl.meta(make(frames), **options)


@pytest.mark.slow
def test_standardised_interval_covers_with_hartung_knapp_only() -> None:
    """The SE treats the baseline SD as known; what that misses, Hartung-Knapp finds as tau2."""
    rng = np.random.default_rng(8)
    effect, n, people = 1.5, 4000, 12
    frames = {}
    for name in "ABCDE":
        base, shift = (
            rng.normal(0, 1, (people, n)),
            effect + rng.normal(0, 0.7, (people, n)),
        )
        frame = cohort(1, features=tuple(f"x{i}" for i in range(n)), contrasts=("post - pre",))
        factor = small_sample_factor(np.array(people - 1.0))
        estimate = shift.mean(axis=0)
        frame["se"] = shift.std(axis=0, ddof=1) / np.sqrt(people)
        frame["effect_size"] = estimate * factor / base.std(axis=0, ddof=1)
        frames[name] = frame.assign(estimate=estimate)
    cover = {}
    for method in ("reml", "fixed"):
        result = exo.tl.meta(frames, pool="standardised", method=method)
        cover[method] = ((result["ci_low"] <= effect) & (effect <= result["ci_high"])).mean()
    assert cover["reml"] > 0.89
    assert cover["fixed"] < 0.7
