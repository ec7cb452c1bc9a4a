"""Planning: tables of n, and a design that cannot answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UsageError

REL = exo.Reliability.from_typical_error(2.0, df=30)


def test_people_for_sdir():
    table = exo.tl.plan_response(2.0, REL, smallest_sd_ir=1.0).set_index("n_per_arm")
    assert table.loc[20, "p_differs"] < 0.1 < 0.4 < table.loc[100, "p_differs"]
    assert table["p_differs"].is_monotonic_increasing
    assert (table["p_differs_if_constant"] < 0.026).all()
    assert table["p_negligible_if_constant"].is_monotonic_increasing
    none = exo.tl.plan_response(2.0, REL, n_per_arm=[50], method="mover")
    assert none["p_negligible_if_constant"].isna().all()
    # scale does not matter, only SDir in typical errors
    big = exo.Reliability.from_typical_error(200.0, df=30)
    np.testing.assert_allclose(
        exo.tl.plan_response(200.0, big)["p_differs"], exo.tl.plan_response(2.0, REL)["p_differs"]
    )


def test_people_for_a_mean_change():
    one = exo.tl.plan_change(1.0, 2.0, control=False, n_per_arm=[34])
    two = exo.tl.plan_change(-1.0, 2.0, n_per_arm=[64])
    assert one["power"].iloc[0] == pytest.approx(0.8077775013)
    assert two["power"].iloc[0] == pytest.approx(0.8014595579)


def test_people_for_many_analytes_from_a_pilot(trial):
    pilot = exo.tl.differential(trial, method="paired_t", arm=None)
    table = exo.tl.plan_features(pilot, effect=0.5, contrast="post - pre")
    assert (table["n_features"] == 30).all() and table["power"].is_monotonic_increasing
    rows = pilot[pilot["contrast"] == "post - pre"]
    wide = trial.to_df().groupby([trial.obs["subject_id"], trial.obs["timepoint"]], observed=True)
    change = wide.mean().xs("post", level=1) - wide.mean().xs("pre", level=1)
    np.testing.assert_allclose(rows["se"] * np.sqrt(rows["n_pairs"]), change.std(), rtol=1e-6)
    twice = pilot.assign(se=2 * pilot["se"])
    half = exo.tl.plan_features(twice, effect=1.0, contrast="post - pre")
    pd.testing.assert_frame_equal(half, table)
    with_control = exo.tl.plan_features(pilot, effect=0.5, contrast="post - pre", control=True)
    assert (with_control["power"] < table["power"])[table["power"] < 0.99].all()
    with pytest.raises(UsageError, match="2 contrasts"):
        exo.tl.plan_features(pilot)
    with pytest.raises(InputError, match="No contrast 'x'"):
        exo.tl.plan_features(pilot, contrast="x")
    with pytest.raises(InputError, match="not a DataFrame"):
        exo.tl.plan_features([1.0])
    both = exo.tl.differential(trial, method="moderated", arm="arm", control="CON")
    across = next(c for c in both["contrast"].astype(str).unique() if " - CON: post - pre" in c)
    with pytest.raises(UsageError, match="compares arms"):  # its SE is of two groups, not of pairs
        exo.tl.plan_features(both, contrast=across)
    with pytest.raises(InputError, match="lacks 'se'"):
        exo.tl.plan_features(pilot.drop(columns="se"))
    with pytest.raises(InputError, match="No feature"):
        exo.tl.plan_features(pilot.assign(status="no"), contrast="post - pre")


@pytest.mark.parametrize(
    "call",
    [
        lambda: exo.tl.plan_response(0.0, REL),
        lambda: exo.tl.plan_response(1.0, REL, level=1.0),
        lambda: exo.tl.plan_response(1.0, REL, method="mixed"),
        lambda: exo.tl.plan_response(1.0, REL, smallest_sd_ir=-1),
        lambda: exo.tl.plan_response(1.0, REL, n_per_arm=[2]),
        lambda: exo.tl.plan_response(1.0, REL, n_per_arm=[]),
        lambda: exo.tl.plan_change(0.0, 1.0),
        lambda: exo.tl.plan_change("1", 1.0),
        lambda: exo.tl.plan_change(1.0, np.inf),
        lambda: exo.tl.plan_change(1.0, 1.0, alpha=0),
        lambda: exo.tl.plan_change(1.0, 1.0, n_per_arm=[10.5]),
        lambda: exo.tl.plan_response("2", REL),
        lambda: exo.tl.plan_response(2.0, 2.0),
        lambda: exo.tl.plan_response(2.0, REL, n_per_arm=["a"]),
        lambda: exo.tl.plan_response(2.0, REL, level="95"),
        lambda: exo.tl.check_design(arms="two"),
        lambda: exo.tl.check_design(arms=None),
        lambda: exo.tl.check_design(periods=float("nan")),
    ],
)
def test_bad_plans(call):
    with pytest.raises(UsageError):
        call()


LADDER = {
    "one arm, one test": ({}, {"change", "individual_change"} - {"individual_change"}),
    "one arm, two baselines": ({"tests_at_baseline": 2}, {"change", "typical_error",
                                                          "individual_change"}),
    "one arm, literature": ({"reliability": True}, {"change", "typical_error",
                                                    "individual_change"}),
    "randomised control": ({"arms": 2, "control": True},
                           {"change", "average_effect", "typical_error", "sd_ir",
                            "individual_change"}),
    "control, not random": ({"arms": 2, "control": True, "randomised": False},
                            {"change", "typical_error", "individual_change"}),
    "two trainings": ({"arms": 2}, {"change", "who_needs_what"}),
    "two trainings, chosen": ({"arms": 2, "randomised": False}, {"change"}),
    "crossover of two trainings": ({"periods": 2}, {"change", "who_needs_what"}),
    "same training twice": ({"periods": 2, "same_training_twice": True},
                            {"change", "sd_ir", "individual_response"}),
    "crossover with a control period": ({"periods": 2, "control": True},
                                        {"change", "average_effect", "typical_error", "sd_ir",
                                         "individual_change"}),
    "crossover in a fixed order": ({"periods": 2, "control": True, "randomised": False},
                                   {"change", "typical_error", "sd_ir", "individual_change"}),
    "control and two doses": ({"arms": 3, "control": True},
                              {"change", "average_effect", "typical_error", "sd_ir",
                               "individual_change", "who_needs_what"}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LADDER))
def test_what_a_design_identifies(name):
    design, wanted = LADDER[name]
    table = exo.tl.check_design(**design).set_index("question")
    assert set(table.index[table["identified"]].astype(str)) == wanted
    silent = table[~table["identified"]]
    assert (silent["why"].astype(str) != "").all() and (silent["needs"].astype(str) != "").all()


def test_the_rest_is_refused_with_the_reason():
    with pytest.raises(AnalysisError, match="cannot tell sd_ir.*control arm"):
        exo.tl.check_design(ask="sd_ir")
    exo.tl.check_design(arms=2, control=True, ask="sd_ir")
    for wrong, match in (
        ({"ask": "responders"}, "no question"),
        ({"control": True}, "one arm and one period"),
        ({"arms": 0}, "arms=0"),
        ({"same_training_twice": True}, "needs periods"),
        ({"tests_at_end": True}, "tests_at_end"),
    ):
        with pytest.raises(UsageError, match=match):
            exo.tl.check_design(**wrong)
