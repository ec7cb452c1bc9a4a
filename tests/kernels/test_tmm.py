"""TMM factors against edgeR, and as a fit / apply pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exerkine_omics.kernels import _tmm

REFERENCE = Path(__file__).parents[1] / "reference" / "limma_more"


def counts() -> np.ndarray:
    return pd.read_csv(REFERENCE / "voom_matrix.csv", index_col=0).to_numpy(float)


def odd() -> np.ndarray:
    """Four samples, twice the first, and one with a single feature."""
    first = counts()
    lonely = np.zeros(first.shape[1])
    lonely[0] = 5
    return np.vstack([first[:4], 2 * first[0], lonely])


@pytest.mark.quick
@pytest.mark.parametrize(("case", "make"), [("voom", counts), ("odd", odd)])
def test_equals_edger(case: str, make) -> None:
    expected = pd.read_csv(REFERENCE / "tmm.csv").query("case == @case")["factor"]
    values = make()
    ours = _tmm.apply_tmm(values, _tmm.fit_tmm(values))
    np.testing.assert_allclose(ours, expected, rtol=1e-10)
    assert np.exp(np.log(ours).mean()) == pytest.approx(1)


def test_apply_knows_the_training_samples_only() -> None:
    values = counts()
    fitted = _tmm.fit_tmm(values[:20])
    both = _tmm.apply_tmm(values[20:], fitted)
    one_by_one = [_tmm.apply_tmm(row[None], fitted)[0] for row in values[20:]]
    np.testing.assert_array_equal(both, one_by_one)
    np.testing.assert_allclose(_tmm.apply_tmm(7 * values[:20], fitted)[0], both[0], rtol=0.5)


def test_composition_is_undone() -> None:
    """One feature takes half of a library: the others' shares are halved, the factor says so."""
    rng = np.random.default_rng(2)
    base = rng.poisson(500, (1, 300)).astype(float)
    taken = base.copy()
    taken[0, 0] = base[0, 1:].sum() + base[0, 0]
    factor = _tmm.apply_tmm(np.vstack([base, taken]), _tmm.fit_tmm(np.vstack([base, taken])))
    assert factor[0] / factor[1] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 5), (4, 1)])
def test_too_little_gives_ones(shape: tuple[int, int]) -> None:
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(_tmm.apply_tmm(values, _tmm.fit_tmm(values)), 1.0)
