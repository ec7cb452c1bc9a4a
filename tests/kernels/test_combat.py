"""ComBat against sva, with missing values, and as a fit / apply pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exerkine_omics.kernels._combat import (
    CONFOUNDED,
    CONSTANT,
    OK,
    ONE_BATCH,
    apply_combat,
    fit_combat,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "combat"
OPTIONS = {
    "plain": {},
    "covariates": {},
    "mean_only": {"mean_only": True},
    "nonparametric": {"parametric_prior": False},
    "nonparametric_mean": {"parametric_prior": False, "mean_only": True},
    "reference": {"reference": 1},
}


def read(name: str) -> np.ndarray:
    return pd.read_csv(REFERENCE / f"{name}.csv").to_numpy(float)


def samples() -> tuple[np.ndarray, np.ndarray]:
    frame = pd.read_csv(REFERENCE / "samples.csv")
    batch = np.unique(frame["batch"], return_inverse=True)[1]
    return batch, np.column_stack([frame["time"] == "post", frame["age"]]).astype(float)


def run(values, batch, covariates, **options) -> np.ndarray:
    fitted = fit_combat(values, batch, covariates, **options)
    assert (fitted.status == OK).all()
    return apply_combat(values, batch, covariates - covariates.mean(axis=0), fitted)


@pytest.mark.quick
@pytest.mark.parametrize("case", OPTIONS)
def test_equals_sva(case: str) -> None:
    """Where sva iterates: to 1e-9 once it has converged, to 1e-3 where it stops by itself."""
    batch, covariates = samples()
    covariates = covariates[:, :0] if case == "plain" else covariates
    ours = run(read("matrix"), batch, covariates, **OPTIONS[case])
    iterates = case in ("plain", "covariates", "reference")
    np.testing.assert_allclose(ours, read(case if iterates else f"{case}_stock"), rtol=1e-9)
    np.testing.assert_allclose(ours, read(f"{case}_stock"), atol=1e-3 if iterates else 1e-8)


@pytest.mark.parametrize(
    ("case", "mean_only"), [("holes_answer", False), ("holes_mean_only", True)]
)
def test_missing_as_sva_does_it(case: str, mean_only: bool) -> None:
    batch, covariates = samples()
    ours = run(read("holes"), batch, covariates, mean_only=mean_only, like_sva=True)
    np.testing.assert_allclose(ours, read(case), rtol=1e-8)


def test_how_far_our_missing_is_from_sva() -> None:
    """sva divides by n - 1 as soon as one value is missing anywhere: a factor sqrt(n / (n - 1))."""
    batch, covariates = samples()
    ours = run(read("holes"), batch, covariates)
    far = np.abs(ours - read("holes_answer"))
    assert 0.005 < np.nanmedian(far) < 0.03 and np.nanmax(far) < 0.2


@pytest.mark.quick
def test_one_hole_moves_its_own_feature_only() -> None:
    """But for what the prior hears of it."""
    batch, covariates = samples()
    values = read("matrix")
    before = run(values, batch, covariates)
    values[3, 5] = np.nan
    after = run(values, batch, covariates)
    others = np.delete(np.arange(values.shape[1]), 5)
    assert np.abs(after - before)[:, others].max() < 0.02
    assert np.isnan(after[3, 5]) and np.isfinite(np.delete(after[:, 5], 3)).all()


@pytest.mark.quick
def test_order_and_constant_change_nothing() -> None:
    batch, covariates = samples()
    values, rng = read("holes"), np.random.default_rng(0)
    expected = run(values, batch, covariates)
    rows, columns = rng.permutation(len(values)), rng.permutation(values.shape[1])
    mixed = run(values[np.ix_(rows, columns)], batch[rows], covariates[rows])
    np.testing.assert_allclose(mixed, expected[np.ix_(rows, columns)], rtol=1e-10)
    far = run(values + 1e5, batch, covariates)
    np.testing.assert_allclose(far - 1e5, expected, atol=1e-8)
    # a covariate measured from another zero, in another unit
    other = run(values, batch, covariates * np.array([1, 100.0]) + np.array([3, -2000.0]))
    np.testing.assert_allclose(other, expected, atol=1e-9)


@pytest.mark.quick
def test_apply_knows_the_training_samples_only() -> None:
    batch, covariates = samples()
    values = read("holes")
    train = np.arange(len(values)) % 5 != 0
    fitted = fit_combat(values[train], batch[train], covariates[train])
    away = covariates - covariates[train].mean(axis=0)
    together = apply_combat(values, batch, away, fitted)
    one = [apply_combat(values[[i]], batch[[i]], away[[i]], fitted)[0] for i in range(len(values))]
    np.testing.assert_allclose(together, one, rtol=1e-13)
    alone = run(values[train], batch[train], covariates[train])
    np.testing.assert_allclose(together[train], alone, rtol=1e-12)


def test_features_that_cannot_be_adjusted_stay() -> None:
    batch, covariates = samples()
    values = read("matrix")
    values[batch != 0, 0] = np.nan  # one batch only
    values[batch == 1, 1] = 3.0  # constant in a batch
    values[(batch == 0) & (covariates[:, 0] == 1), 2] = np.nan
    values[(batch != 0) & (covariates[:, 0] == 0), 2] = np.nan  # time is the batch
    values[:, 3] = 7.0
    fitted = fit_combat(values, batch, covariates)
    assert list(fitted.status[:4]) == [ONE_BATCH, CONSTANT, CONFOUNDED, CONSTANT]
    assert (fitted.status[4:] == OK).all()
    ours = apply_combat(values, batch, covariates - covariates.mean(axis=0), fitted)
    np.testing.assert_array_equal(ours[:, :4], values[:, :4])
    # and the others hear nothing of them
    rest = run(values[:, 4:], batch, covariates)
    np.testing.assert_allclose(ours[:, 4:], rest, rtol=1e-12)


def test_one_value_in_a_batch() -> None:
    """Its scale is the prior's, its shift is shrunk the more."""
    batch, covariates = samples()
    values = read("matrix")
    values[np.flatnonzero(batch == 0)[1:], 0] = np.nan
    fitted = fit_combat(values, batch, covariates)
    assert fitted.status[0] == OK and fitted.n[0, 0] == 1
    assert np.isfinite(fitted.shift).all() and (fitted.scale > 0).all()


@pytest.mark.quick
def test_long_batches_do_not_underflow() -> None:
    """sva's nonparametric weights are 0 / 0 here."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (2400, 6))
    batch = np.repeat([0, 1], 1200)
    values[batch == 1] += 0.5
    ours = run(values, batch, np.empty((2400, 0)), parametric_prior=False)
    assert np.isfinite(ours).all()
    assert np.abs(ours[batch == 1].mean(axis=0) - ours[batch == 0].mean(axis=0)).max() < 0.15
