"""Orthogonal effects against dense least squares, and what must not matter to them."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics.kernels import _ebayes
from exerkine_omics.kernels._gene_effects import gene_effects


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, design (6 cells of arm x time, two covariates) and subject; 1 to 3 rows a person."""
    rng = np.random.default_rng(3)
    subject = np.repeat(np.arange(14), 3)[rng.permutation(42)[:36]]
    time = np.array([(subject[:i] == subject[i]).sum() for i in range(len(subject))])
    cell = 3 * (subject % 2) + time
    design = (cell[:, None] == np.arange(6)).astype(float)
    age = rng.normal(50, 9, 14)[subject]  # of the person: the block's own
    design = np.column_stack([design, age, rng.normal(size=len(subject))])
    values = rng.normal(size=(14, 30))[subject] + rng.normal(size=(len(subject), 30))
    return values, design, subject


TWO = np.array([1.0, -1, 0, -1, 1, 0, 0, 0])
CONTRASTS = [TWO, np.array([0.0, 0, 0, -1, 0, 1, 0, 0]), np.eye(8)[7], -0.5 * TWO]


@pytest.mark.quick
@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_effects_are_those_of_least_squares(contrast: np.ndarray, weighted: bool) -> None:
    values, design, subject = data()
    weight = np.random.default_rng(4).uniform(0.3, 3, len(values)) if weighted else None
    root = np.ones(len(values)) if weight is None else np.sqrt(weight)
    x = np.hstack([design, np.eye(14)[subject]]) * root[:, None]
    y = values * root[:, None]
    inverse = np.linalg.pinv(x, rcond=1e-10)
    wide = np.r_[contrast, np.zeros(14)]
    rest = y - x @ (inverse @ y)
    df = len(x) - np.linalg.matrix_rank(x, tol=1e-8)
    found = gene_effects(values, design, subject, contrast, weight)
    assert found.estimable and found.df == df and found.effects.shape == (1 + df, 30)
    expected = (wide @ inverse @ y) / np.linalg.norm(wide @ inverse)
    np.testing.assert_allclose(found.effects[0], expected, atol=1e-10)
    np.testing.assert_allclose(found.variance, (rest**2).sum(axis=0) / df, rtol=1e-10)
    np.testing.assert_allclose(found.level, values.mean(axis=0), rtol=1e-13)
    # the residual effects are an orthonormal view of the residuals: same inner products
    np.testing.assert_allclose(
        found.effects[1:].T @ found.effects[1:], rest.T @ rest, atol=1e-9, rtol=1e-9
    )
    prior = _ebayes.fit_prior(found.variance, np.full(30, float(df)))
    assert found.prior == prior
    posterior = _ebayes.squeeze(found.variance, np.full(30, float(df)), prior)
    np.testing.assert_allclose(found.moderated_t, expected / np.sqrt(posterior), rtol=1e-9)


def test_no_subject() -> None:
    values, design, _ = data()
    cells = design[:, :6]
    found = gene_effects(values, cells, None, np.array([-1.0, 0, 0, 1, 0, 0]))
    mean = [values[cells[:, j] > 0].mean(axis=0) for j in (0, 3)]
    size = [cells[:, j].sum() for j in (0, 3)]
    expected = (mean[1] - mean[0]) / np.sqrt(1 / size[0] + 1 / size[1])
    np.testing.assert_allclose(found.effects[0], expected, atol=1e-11)
    assert found.df == len(values) - 6
    # a level is a contrast too, and then a constant is no longer free
    level = gene_effects(values, cells, None, np.eye(6)[2])
    size = cells[:, 2].sum()
    expected = values[cells[:, 2] > 0].mean(axis=0) * np.sqrt(size)
    np.testing.assert_allclose(level.effects[0], expected, atol=1e-11)


@pytest.mark.parametrize(
    ("contrast", "rows"),
    [
        (np.array([-1.0, 0, 0, 1, 0, 0, 0, 0]), slice(None)),  # arms at baseline
        (np.eye(8)[6], slice(None)),  # age
        (np.eye(8)[0], slice(None)),  # a cell's level
        (TWO, slice(0, 3)),  # cells without rows
        (TWO, slice(0)),
        (0 * TWO, slice(None)),
    ],
)
def test_not_estimable(contrast: np.ndarray, rows: slice) -> None:
    values, design, subject = data()
    found = gene_effects(values[rows], design[rows], subject[rows], contrast)
    assert not found.estimable and found.df == 0
    assert np.isnan(found.effects).all() and np.isnan(found.posterior).all()
    assert np.isnan(found.moderated_t).all() and not found.prior.known


def test_one_pair_has_an_effect_and_nothing_to_judge_it_by() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4))
    design, subject = np.eye(2)[[0, 1, 1]], np.array([0, 0, 1])
    found = gene_effects(values, design, subject, np.array([-1.0, 1]))
    assert found.estimable and found.df == 0
    assert found.effects.shape == (1, 4) and np.isnan(found.effects).all()


@pytest.mark.parametrize("level", [0.1, 1e5, -3e-4])
def test_columns_that_say_nothing_take_no_df(level: float) -> None:
    """Cells of unequal size add up to a constant to rounding only; so does a constant column."""
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(7), [3, 1, 2, 3, 2, 3, 3])
    time = np.concatenate([np.arange(k) for k in (3, 1, 2, 3, 2, 3, 3)])
    cells = (time[:, None] == np.arange(3)).astype(float)
    values = rng.normal(size=(17, 5))
    contrast = np.array([-1.0, 0, 1])
    first = gene_effects(values, cells, subject, contrast)
    assert first.estimable and first.df == 17 - 7 - 2
    age = rng.normal(size=7)[subject]
    more = np.column_stack([np.full(17, level), cells, cells[:, 1] * level + level, age, 0 * age])
    found = gene_effects(values, more, subject, np.r_[0, contrast, 0, 0, 0])
    assert found.df == first.df
    np.testing.assert_allclose(found.effects, first.effects, atol=1e-9)


@pytest.mark.parametrize("trend", [False, True])
def test_order_and_level_do_not_matter(trend: bool) -> None:
    values, design, subject = data()
    values = values + np.arange(30)
    given = values.copy()
    first = gene_effects(values, design, subject, TWO, trend=trend)
    np.testing.assert_array_equal(values, given)
    order = np.random.default_rng(9).permutation(len(values))
    moved = gene_effects(values[order], design[order], subject[order], TWO, trend=trend)
    np.testing.assert_allclose(moved.effects, first.effects, atol=1e-12)
    columns = np.random.default_rng(10).permutation(30)
    moved = gene_effects(values[:, columns], design, subject, TWO, trend=trend)
    np.testing.assert_allclose(moved.effects, first.effects[:, columns], atol=1e-12)
    np.testing.assert_allclose(moved.posterior, first.posterior[columns], rtol=1e-9)
    raised = gene_effects(values + 1e5, design, subject, TWO, trend=trend)
    np.testing.assert_allclose(raised.effects, first.effects, atol=1e-9)
    np.testing.assert_allclose(raised.posterior, first.posterior, rtol=1e-6)
    shifted = design + np.r_[np.zeros(7), 1e5]
    np.testing.assert_allclose(
        gene_effects(values, shifted, subject, TWO).effects, first.effects, atol=1e-9
    )
    larger = gene_effects(1e-7 * values, design, subject, TWO)
    np.testing.assert_allclose(
        larger.moderated_t, gene_effects(values, design, subject, TWO).moderated_t, rtol=1e-7
    )


def test_replicates_in_a_cell_may_come_in_any_order() -> None:
    """Rows of one person and one cell differ by their values alone."""
    values, _, _ = data()
    values = values[:24]
    subject = np.repeat(np.arange(6), 4)
    design = np.tile(np.repeat(np.eye(2), 2, axis=0), (6, 1))
    first = gene_effects(values, design, subject, np.array([-1.0, 1]))
    order = np.random.default_rng(0).permutation(24)
    moved = gene_effects(values[order], design[order], subject[order], np.array([-1.0, 1]))
    np.testing.assert_allclose(moved.effects, first.effects, atol=1e-12)


def test_constant_features_stand_still() -> None:
    values, design, subject = data()
    values[:, 4] = 0.1
    found = gene_effects(values, design, subject, TWO)
    assert abs(found.moderated_t[4]) < 1e-10
    assert np.isfinite(found.moderated_t).all()


def test_whole_numbers_are_numbers() -> None:
    values, design, subject = data()
    whole = (10 * values).astype(int)
    one = gene_effects(whole, design, subject, TWO)
    two = gene_effects(whole.astype(float), design, subject, TWO)
    np.testing.assert_array_equal(one.effects, two.effects)


def test_a_nan_spoils_its_feature_alone() -> None:
    values, design, subject = data()
    first = gene_effects(values, design, subject, TWO).effects
    values[3, 7] = np.nan
    found = gene_effects(values, design, subject, TWO).effects
    assert np.isnan(found[:, 7]).all()
    others = np.arange(30) != 7
    np.testing.assert_allclose(found[:, others], first[:, others], atol=1e-12)
