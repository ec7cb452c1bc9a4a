"""Power against R's power.t.test, against a published statement, and against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics.kernels import _plan as kernel
from exerkine_omics.kernels import _response, _sd_ir


def test_t_tests_equal_r():
    """power.t.test(n = 34, delta = 0.5, type = "paired") and (n = 64), strict = TRUE; R 4.2.2."""
    assert kernel.power_t(0.5, 34, 0.05) == pytest.approx(0.8077775013, abs=1e-9)
    assert kernel.power_t(-0.5, 34, 0.05) == pytest.approx(0.8077775013, abs=1e-9)
    assert kernel.power_t(0.5, 64, 0.05, 64) == pytest.approx(0.8014595579, abs=1e-9)
    assert kernel.power_t(0.0, 20, 0.05) == pytest.approx(0.05)
    extreme = kernel.power_t(np.array([1e-6, 50.0]), 1000, 1e-12)
    assert extreme[0] < 1e-9 and extreme[1] == 1.0  # no NaN far out


def test_sdir_as_large_as_the_typical_error_is_hardly_seen():
    """The interval holds 0 in 94% of trials of 20 an arm, and in half of those of 100."""
    assert 1 - kernel.power_sd_ir(20, 20, 1.5, 0.95) == pytest.approx(0.94, abs=0.01)
    assert kernel.power_sd_ir(100, 100, 1.5, 0.95) == pytest.approx(0.50, abs=0.01)
    assert kernel.power_sd_ir(8, 8, 1.5, 0.95) == 0.0  # that interval cannot leave 0 with so few


def test_fdr_is_what_was_asked_for():
    effect = np.linspace(0.3, 1.2, 50)
    power, a = kernel.power_features(effect, 25, 0.05, 0.1)
    assert 0.9 * a / (0.9 * a + 0.1 * power) == pytest.approx(0.05, rel=1e-5)
    assert power == pytest.approx(float(kernel.power_t(effect, 25, a).mean()))
    more, _ = kernel.power_features(effect, 50, 0.05, 0.1)
    assert more > power
    everything, a = kernel.power_features(effect, 25, 0.05, 0.99)
    assert a == 0.999 and everything > 0.99  # nearly all changed: any threshold holds the rate


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "ratio", "method"),
    [(20, 2.0, "closed"), (50, 2.0, "mover"), (20, 1.0, "mover"), (30, 3.0, "closed")],
)
def test_power_of_sdir_equals_simulation(n, ratio, method):
    rng = np.random.default_rng(n)
    rounds, hits = 6000, 0
    for _ in range(rounds):
        t = rng.normal(0, np.sqrt(ratio), n).std(ddof=1)
        c = rng.normal(0, 1, n).std(ddof=1)
        if method == "closed":
            low = _response.sd_individual_response(t, n - 1, c, n - 1, 0.95)[1]
        else:
            low = _sd_ir.mover_interval(t, n - 1, c, n - 1, 0.95)[0]
        hits += low > 0
    p = kernel.power_sd_ir(n, n, ratio, 0.95, method)
    assert abs(hits / rounds - p) < 4 * np.sqrt(p * (1 - p) / rounds) + 1e-3


@pytest.mark.slow
def test_power_of_negligible_equals_simulation():
    rng = np.random.default_rng(4)
    rounds, hits, n = 6000, 0, 60
    for _ in range(rounds):
        t, c = rng.normal(0, 1, (2, n)).std(axis=1, ddof=1)
        hits += 0 <= _response.sd_individual_response(t, n - 1, c, n - 1, 0.95)[2] < 0.8
    p = kernel.power_negligible(n, n, 0.64, 0.95)
    assert abs(hits / rounds - p) < 0.02


def test_an_interval_below_zero_is_not_called_negligible():
    # with 200 an arm 2.5% of intervals are wholly below 0, where the verdict is another one
    assert kernel.power_negligible(200, 200, 4.0, 0.95) == pytest.approx(0.975, abs=0.002)
    assert kernel.power_negligible(10, 10, 1e5, 0.95) > 0.99
