"""Volume changes: the authors' worked example, and a mass balance that knows the answer."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics.kernels._plasma_volume import undo_volume_change, volume_change

BEFORE = np.array([0, 0])


def test_worked_example_of_dill_and_costill():
    """Mean values of their Table 1: Hb 15.1 to 16.7 g/100 ml, Hct after 0.453.

    Printed are 90.4 ml of blood that hold 41.0 ml of cells, -9.6% blood and, in the abstract,
    -12.2% plasma. The haematocrit before is taken from these: plasma then checks the sum of the
    volumes only, within what rounding to 0.1 ml leaves open.
    """
    before = 1 - (90.4 - 41.0) / (1 - 0.122) / 100
    assert 0.43 < before < 0.45
    change = volume_change(np.array([15.1, 16.7]), np.array([before, 0.453]), BEFORE)
    assert change.blood[1] == pytest.approx(-9.6, abs=0.05)
    assert 100 * before * (1 + change.cells[1] / 100) == pytest.approx(41.0, abs=0.05)
    assert change.plasma[1] == pytest.approx(-12.2, abs=0.2)


@pytest.mark.quick
def test_a_mass_balance_is_recovered():
    """Vessels that lose known plasma and whose cells shrink: Hb and Hct give both back."""
    rng = np.random.default_rng(1)
    n = 200
    plasma, cells = rng.uniform(2500, 3800, n), rng.uniform(1600, 2800, n)
    mass = cells * rng.uniform(0.30, 0.36, n)
    lost, shrunk = rng.uniform(-30, 30, n), rng.uniform(-8, 8, n)
    plasma_after, cells_after = plasma * (1 + lost / 100), cells * (1 + shrunk / 100)
    blood, blood_after = plasma + cells, plasma_after + cells_after
    hb = np.concatenate([mass / blood, mass / blood_after])
    hct = np.concatenate([cells / blood, cells_after / blood_after])
    change = volume_change(hb, hct, np.tile(np.arange(n), 2))
    np.testing.assert_allclose(change.plasma[n:], lost, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(change.cells[n:], shrunk, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(change.blood[n:], 100 * (blood_after / blood - 1), atol=1e-10)
    assert (change.plasma[:n] == 0).all() and (change.cells[:n] == 0).all()
    # an amount that stays in the vessels is brought back to its concentration before
    amount = rng.uniform(1, 100, n)
    after = (amount / plasma_after)[:, None]
    linear = undo_volume_change(after, change.plasma[n:], np.array([False]), np.ones(1))
    np.testing.assert_allclose(linear[:, 0], amount / plasma, rtol=1e-12)
    logs = undo_volume_change(np.log2(after), change.plasma[n:], np.array([True]), np.ones(1))
    np.testing.assert_allclose(logs[:, 0], np.log2(amount / plasma), atol=1e-12)
    cycles = undo_volume_change(-np.log2(after), change.plasma[n:], np.array([True]), -np.ones(1))
    np.testing.assert_allclose(cycles, -logs, atol=1e-12)


def test_haematocrit_alone_is_van_beaumont():
    """100 / (100 - Hct0) x 100 (Hct0 - Hct1) / Hct1, in percent; cells keep their volume."""
    rng = np.random.default_rng(2)
    first, second = rng.uniform(35, 50, 50), rng.uniform(35, 50, 50)
    change = volume_change(None, np.concatenate([first, second]) / 100, np.tile(np.arange(50), 2))
    published = 100 / (100 - first) * 100 * (first - second) / second
    np.testing.assert_allclose(change.plasma[50:], published, rtol=1e-10)
    np.testing.assert_allclose(change.cells[50:], 0, atol=1e-12)
    # and the same as with haemoglobin where that follows the cells
    both = volume_change(
        0.33 * np.concatenate([first, second]),
        np.concatenate([first, second]) / 100,
        np.tile(np.arange(50), 2),
    )
    np.testing.assert_allclose(both.plasma, change.plasma, atol=1e-10)


def test_what_is_missing_is_missing_everywhere():
    hb = np.array([15.0, np.nan, 16.0, 16.0, 15.0])
    hct = np.array([0.44, 0.45, np.nan, 0.45, 0.44])
    change = volume_change(hb, hct, np.array([0, 0, 0, 1, -1]))
    for volume in (change.plasma, change.blood, change.cells):
        assert volume[0] == 0 and np.isnan(volume[1:]).all()
    values = np.ones((5, 2))
    corrected = undo_volume_change(values, change.plasma, np.array([True, False]), np.ones(2))
    assert np.isnan(corrected[1:]).all() and (corrected[0] == 1).all()
