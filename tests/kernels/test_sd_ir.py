"""SDir's four intervals against nlme, a published bootstrap, and simulation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exerkine_omics.kernels import _response as kernel
from exerkine_omics.kernels import _sd_ir

REFERENCE = Path(__file__).parents[1] / "reference"


def test_reml_of_two_variances_equals_nlme():
    people = pd.read_csv(REFERENCE / "responders" / "sdir_gls_people.csv")
    answers = pd.read_csv(REFERENCE / "responders" / "sdir_gls.csv").set_index("case")
    for case, d in people.groupby("case"):
        design = np.c_[np.ones(len(d)), d["arm"], d["pre"], d["sex"]]
        treated = (d["arm"] == 1).to_numpy()
        fit = _sd_ir.fit_two_variances(d["change"].to_numpy(), design, treated)
        assert fit.sd_treated == pytest.approx(answers.loc[case, "sd_treated"], rel=1e-6)
        assert fit.sd_control == pytest.approx(answers.loc[case, "sd_control"], rel=1e-6)
        shuffled = np.random.default_rng(1).permutation(len(d))
        again = _sd_ir.fit_two_variances(
            d["change"].to_numpy()[shuffled] + 1e5, design[shuffled], treated[shuffled]
        )
        assert again.sd_treated == pytest.approx(fit.sd_treated, rel=1e-8)


def test_without_covariates_reml_is_the_closed_form():
    rng = np.random.default_rng(3)
    t, c = rng.normal(2, 3, 25), rng.normal(0, 2, 18)
    treated = np.r_[np.ones(25, bool), np.zeros(18, bool)]
    fit = _sd_ir.fit_two_variances(np.r_[t, c], np.c_[np.ones(43), treated], treated)
    assert fit.sd_treated == pytest.approx(t.std(ddof=1), rel=1e-9)
    assert fit.sd_control == pytest.approx(c.std(ddof=1), rel=1e-9)
    assert (fit.df_treated, fit.df_control) == (pytest.approx(24), pytest.approx(17))
    se = np.sqrt(2 * (t.std(ddof=1) ** 4 / 24 + c.std(ddof=1) ** 4 / 17))
    assert fit.se_difference == pytest.approx(se, rel=1e-9)


def test_what_has_no_solution_is_nan():
    design = np.c_[np.ones(6), [1, 1, 1, 0, 0, 0]]
    flat = _sd_ir.fit_two_variances(np.zeros(6), design, design[:, 1] == 1)
    assert np.isnan(flat.sd_treated)
    one_arm_flat = _sd_ir.fit_two_variances(
        np.array([1.0, 1, 1, 0, 2, 5]), design, design[:, 1] == 1
    )
    assert np.isnan(one_arm_flat.sd_treated)


def test_mover_is_the_chi_square_limits_joined():
    low, high = _sd_ir.mover_interval(3.0, 19, 2.0, 14, 0.95)
    t = 9 * 19 / stats.chi2.isf([0.025, 0.975], 19)
    c = 4 * 14 / stats.chi2.isf([0.025, 0.975], 14)
    assert low == pytest.approx(kernel.signed_root(5 - np.hypot(9 - t[0], c[1] - 4)))
    assert high == pytest.approx(kernel.signed_root(5 + np.hypot(t[1] - 9, 4 - c[0])))
    # the other arm first: the limits change place and sign
    back = _sd_ir.mover_interval(2.0, 14, 3.0, 19, 0.95)
    assert back == (pytest.approx(-high), pytest.approx(-low))


def test_bootstrap_of_the_proportion_reproduces_a_published_one():
    """Swinton 2018, muscle carnosine: 88 to 100% (spreadsheet), 87.7 to 99.8% recomputed."""
    data = json.loads((REFERENCE / "responder_vectors.json").read_text(encoding="utf-8"))
    vector = next(v for v in data["vectors"] if v["id"] == "boot_prop_mcarn")
    people = pd.DataFrame(data["data"]["swinton_mock"])
    change = (people["MCARN_POST"] - people["MCARN_PRE"]).to_numpy()
    mine, theirs = change[people["GROUP"] == 1], change[people["GROUP"] == 2]
    limit = 0.2 * people["MCARN_PRE"].std(ddof=1)
    zero = np.zeros(10, int)
    sd_ir, share = _sd_ir.bootstrap(
        mine, zero, theirs, zero, limit, 20_000, np.random.default_rng(1)
    )
    limits = np.quantile(share, [0.025, 0.975])
    np.testing.assert_allclose(limits, vector["expected"]["percentile95"], atol=vector["tol"])
    assert (sd_ir <= 0).sum() < 20  # draws that the paper drops are counted here


def test_bootstrap_in_pieces_and_within_strata(monkeypatch):
    rng = np.random.default_rng(2)
    t, c = rng.normal(0, 3, 30), rng.normal(0, 2, 20)
    s, z = np.repeat([0, 1, 2], 10), np.repeat([0, 1], 10)
    whole = _sd_ir.bootstrap(t + 100 * s, s, c, z, 1.0, 300, np.random.default_rng(5))
    monkeypatch.setattr(_sd_ir, "_CELLS", 30 * 70)
    pieces = _sd_ir.bootstrap(t + 100 * s, s, c, z, 1.0, 300, np.random.default_rng(5))
    assert len(pieces[0]) == 300
    for got in (whole, pieces):
        assert np.abs(got[0]).max() < 10  # the strata's shift of 100 is in no draw
        assert np.median(got[0]) == pytest.approx(np.sqrt(5), abs=0.8)


@pytest.mark.slow
@pytest.mark.parametrize("sd_ir", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("n", [10, 20, 50])
def test_coverage(n, sd_ir):
    """MOVER is nominal; the normal-theory interval is too wide at 0, too narrow far from it."""
    rng = np.random.default_rng(n)
    rounds = 4000
    hits = {"closed": 0, "mover": 0}
    for _ in range(rounds):
        t = rng.normal(0, np.hypot(2, sd_ir), n).std(ddof=1)
        c = rng.normal(0, 2, n).std(ddof=1)
        _, low, high = kernel.sd_individual_response(t, n - 1, c, n - 1, 0.95)
        hits["closed"] += low <= sd_ir <= high
        low, high = _sd_ir.mover_interval(t, n - 1, c, n - 1, 0.95)
        hits["mover"] += low <= sd_ir <= high
    assert abs(hits["mover"] / rounds - 0.95) < 0.02, hits
    assert hits["closed"] / rounds > (0.94 if sd_ir < 2 else 0.87), hits


@pytest.mark.slow
def test_the_mixed_model_covers_with_a_baseline_in_it():
    rng = np.random.default_rng(6)
    hits, rounds, n = 0, 1500, 40
    treated = np.r_[np.ones(n, bool), np.zeros(n, bool)]
    for _ in range(rounds):
        true = rng.normal(0, 5, 2 * n)
        pre = true + rng.normal(0, 1.5, 2 * n)
        change = true + rng.normal(0, 1.5, 2 * n) - pre + treated * rng.normal(3, 2, 2 * n)
        fit = _sd_ir.fit_two_variances(change, np.c_[np.ones(2 * n), treated, pre], treated)
        difference = fit.sd_treated**2 - fit.sd_control**2
        hits += abs(difference - 4) <= 1.96 * fit.se_difference
    assert abs(hits / rounds - 0.95) < 0.03, hits / rounds
