"""Normalisers against limma, edgeR and stats::lowess, by hand, and as fit / apply pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exerkine_omics.kernels._lowess import lowess
from exerkine_omics.kernels._normalize import NORMALIZERS
from exerkine_omics.kernels._normalizer import FittedNormalizer, Tubes, medians
from exerkine_omics.kernels._qc_loess import MIN_QC, fit_drift, lowess_columns

REFERENCE = Path(__file__).parents[1] / "reference" / "normalize"


def read(name: str) -> np.ndarray:
    return pd.read_csv(REFERENCE / f"{name}.csv").to_numpy(float)


def tubes(values, additive=True, reference=(0, 2), **more) -> Tubes:
    values = np.asarray(values, dtype=float)
    n = values.shape[1]
    mask = np.isin(np.arange(n), reference)
    seen = np.ones(values.shape, bool)
    return Tubes(values, additive, np.ones(n, bool), seen, mask, **more)


def apply(name, given: Tubes, learn: Tubes | None = None) -> np.ndarray:
    normalizer = NORMALIZERS[name]
    return FittedNormalizer(normalizer, normalizer.fit(learn or given)).apply(given)


SAMPLE_WISE = [n for n in NORMALIZERS if n != "qc_loess"]


def additive_of(name: str) -> bool:
    return name not in ("tmm", "total")


def example(name: str, seed: int = 0) -> Tubes:
    rng = np.random.default_rng(seed)
    values = rng.normal(8, 1.5, (9, 30)) + rng.normal(0, 0.5, (9, 1))
    if name == "tmm":
        return tubes(rng.poisson(2**values).astype(float), False)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[:, [0, 2]] = rng.normal(8, 1, (9, 2))
    return tubes(values if additive_of(name) else 2**values, additive_of(name))


@pytest.mark.quick
@pytest.mark.parametrize("case", ["matrix", "tied", "holes", "both"])
def test_quantile_equals_limma(case: str) -> None:
    expected = read(f"{case}_quantile")
    np.testing.assert_allclose(apply("quantile", tubes(read(case))), expected, rtol=1e-12)


@pytest.mark.quick
def test_median_equals_limma_on_a_linear_scale() -> None:
    ours = apply("median", tubes(read("linear"), False))
    np.testing.assert_allclose(ours, read("linear_median"), rtol=1e-12)


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_drift_equals_r_lowess(scale: str) -> None:
    samples = pd.read_csv(REFERENCE / "drift_samples.csv")
    qc = samples["qc"].to_numpy() == 1
    batch = np.unique(samples["batch"], return_inverse=True)[1]
    values = read("drift") if scale == "log" else 2 ** read("drift")
    given = tubes(values, scale == "log", order=samples["order"].to_numpy(float), batch=batch)
    ours = apply("qc_loess", given, given.rows(qc))
    np.testing.assert_allclose(ours, read(f"drift_{scale}"), rtol=1e-9)


@pytest.mark.parametrize("n", [9, 12, 40, 300])
def test_many_columns_equal_one(n: int) -> None:
    rng = np.random.default_rng(n)
    x = np.sort(rng.choice(1000, n, replace=False)).astype(float)
    y = rng.normal(0, 1, (n, 4)) + np.sin(x / 100)[:, None]
    y[:, 3] = 1.0  # no residuals: the robust rounds end
    y[0, 2] += 50
    ours = lowess_columns(y, x, 0.6)
    for k in range(4):
        np.testing.assert_allclose(ours[:, k], lowess(y[:, k], x, 0.6), rtol=1e-10, atol=1e-12)


def test_five_qc_samples_are_not_interpolated() -> None:
    """What five QC samples say is a line through them, not each one's own noise."""
    rng = np.random.default_rng(4)
    y = rng.normal(0, 1, (MIN_QC, 200))
    given = tubes(y, order=np.arange(MIN_QC) * 10.0, batch=np.zeros(MIN_QC, int))
    left = apply("qc_loess", given) - np.median(y, axis=0)
    assert np.median(np.abs(left).mean(axis=0)) > 0.3
    line = np.linspace(0, 3, MIN_QC)[:, None] + np.zeros((1, 2))
    given = tubes(line, order=np.arange(MIN_QC) * 10.0, batch=np.zeros(MIN_QC, int))
    np.testing.assert_allclose(apply("qc_loess", given), 1.5, atol=1e-9)


@pytest.mark.quick
def test_pqn_by_hand() -> None:
    """Three samples, the third diluted twofold, with one feature that is truly ten times higher."""
    values = np.array([[10.0, 20, 30, 40, 50], [12, 18, 30, 44, 50], [5, 10, 15, 20, 250]])
    # median spectrum 10 18 30 40 50; quotients of the third .5 .556 .5 .5 5: median .5
    expected = np.array([10.0, 20, 30, 40, 500])
    ours = apply("pqn", tubes(values, False))
    np.testing.assert_allclose(ours[2], expected, rtol=1e-14)
    # quotients of the first 1 1.11 1 1 1, of the second 1.2 1 1 1.1 1
    np.testing.assert_allclose(ours[:2], values[:2], rtol=1e-14)
    logs = apply("pqn", tubes(np.log2(values)))
    np.testing.assert_allclose(2**logs, ours, rtol=1e-12)


@pytest.mark.quick
def test_dilution_is_undone() -> None:
    """A sample diluted fourfold comes back, by every method of levels; by total of all features."""
    rng = np.random.default_rng(1)
    base = rng.lognormal(5, 1, (1, 51))
    both = np.vstack([base, base / 4])
    for name in ("median", "pqn", "total", "quantile"):
        ours = apply(name, tubes(both, False))
        np.testing.assert_allclose(ours[0], ours[1], rtol=1e-12)


@pytest.mark.quick
def test_delta_cq_by_hand() -> None:
    cq = np.array([[20.0, 30, 22, np.nan], [21, 30, 25, 33], [20, 30, np.nan, 30]])
    ours = apply("reference_mirna", tubes(cq))
    np.testing.assert_allclose(ours[0], [-1, 9, 1, np.nan])
    np.testing.assert_allclose(ours[1], [-2, 7, 2, 10])
    assert np.isnan(ours[2]).all(), "a reference is missing"
    # turned Cq gives the same with the other sign
    np.testing.assert_allclose(apply("reference_mirna", tubes(40 - cq)), -ours)
    means = apply("global_mean", tubes(cq))
    np.testing.assert_allclose(means[0], np.array([-4, 6, -2, np.nan]))
    seen = np.array([[True, False, True, True]] * 3)
    given = tubes(cq)
    hidden = Tubes(cq, True, given.level, seen)
    np.testing.assert_allclose(apply("global_mean", hidden)[0], [-1, 9, 1, np.nan])


@pytest.mark.quick
def test_spike_in_keeps_what_is_common() -> None:
    """Recovery differs, and one sample is truly concentrated: only the first is undone."""
    rng = np.random.default_rng(3)
    truth = rng.normal(8, 1, (1, 12)) + np.array([[0.0], [0.0], [0.3]])
    truth[:, [0, 2]] = 10.0
    recovery = np.array([[0.0], [-1.0], [-0.4]])
    ours = apply("spike_in", tubes(truth + recovery))
    np.testing.assert_allclose(ours - ours[0], truth - truth[0], atol=1e-12)
    linear = apply("spike_in", tubes(2 ** (truth + recovery), False))
    np.testing.assert_allclose(np.log2(linear), ours, rtol=1e-12)


@pytest.mark.parametrize("name", SAMPLE_WISE)
def test_apply_knows_the_training_samples_only(name: str) -> None:
    given = example(name)
    train = given.rows(np.arange(6))
    fitted = FittedNormalizer(NORMALIZERS[name], NORMALIZERS[name].fit(train))
    together = fitted.apply(given)
    alone = np.vstack([fitted.apply(given.rows(np.array([i]))) for i in range(9)])
    np.testing.assert_allclose(together, alone, rtol=1e-13)
    assert np.isnan(together[np.isnan(given.values)]).all()


@pytest.mark.parametrize("name", SAMPLE_WISE)
def test_order_does_not_matter(name: str) -> None:
    given, rng = example(name), np.random.default_rng(5)
    rows, columns = rng.permutation(9), rng.permutation(30)
    mixed = Tubes(
        given.values[np.ix_(rows, columns)],
        given.additive,
        given.level[columns],
        given.seen[np.ix_(rows, columns)],
        given.reference[columns],
    )
    expected = apply(name, given)[np.ix_(rows, columns)]
    np.testing.assert_allclose(apply(name, mixed), expected, rtol=1e-12)


@pytest.mark.parametrize("name", [n for n in SAMPLE_WISE if additive_of(n)])
def test_a_constant_changes_nothing(name: str) -> None:
    given = example(name)
    far = Tubes(given.values + 1e5, True, given.level, given.seen, given.reference)
    level = 0.0 if name in ("reference_mirna", "global_mean") else 1e5
    np.testing.assert_allclose(apply(name, far) - level, apply(name, given), atol=1e-9)


@pytest.mark.parametrize("name", [n for n in SAMPLE_WISE if n != "tmm"])
def test_an_absent_feature_is_a_missing_one(name: str) -> None:
    """A column of NaN changes nothing for the others (quantile: its grid gains a step)."""
    given = example(name)
    wide = np.hstack([given.values, np.full((9, 1), np.nan)])
    both = Tubes(
        wide,
        given.additive,
        np.append(given.level, True),
        np.ones(wide.shape, bool),
        np.append(given.reference, False),
    )
    tolerance = 0.2 if name == "quantile" else 1e-12
    np.testing.assert_allclose(apply(name, both)[:, :-1], apply(name, given), atol=tolerance)


@pytest.mark.quick
def test_samples_without_values() -> None:
    for name in SAMPLE_WISE:
        if name == "tmm":
            continue
        given = example(name)
        values = given.values.copy()
        values[4] = np.nan
        empty = Tubes(values, given.additive, given.level, given.seen, given.reference)
        ours = apply(name, empty)
        assert np.isnan(ours[4]).all()
        assert np.isfinite(ours[3]).any()


@pytest.mark.quick
def test_few_qc_samples_give_no_curve() -> None:
    n = MIN_QC
    y = np.random.default_rng(0).normal(0, 1, (n, 2))
    y[0, 1] = np.nan
    given = tubes(y, order=np.arange(n, dtype=float), batch=np.zeros(n, int))
    drift = fit_drift(given)
    assert np.isfinite(drift.curve[0][:, 0]).all() and np.isnan(drift.curve[0][:, 1]).all()
    change = NORMALIZERS["qc_loess"].change(given, drift)
    assert np.all(change[:, 1] == 0)


@pytest.mark.quick
def test_medians() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (7, 8))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[2] = np.nan
    for axis in (0, 1):
        ours = medians(values, axis)
        known = np.isfinite(values).any(axis=axis)
        kept = values[:, known] if axis == 0 else values[known]
        np.testing.assert_allclose(ours[known], np.nanmedian(kept, axis=axis), rtol=1e-14)
        assert np.isnan(ours[~known]).all()
