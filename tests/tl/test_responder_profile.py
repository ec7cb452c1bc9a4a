"""Several outcomes and arms: never one label, never pooled over doses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, UsageError

REL = exo.Reliability.from_typical_error(1.0, df=30)


@pytest.fixture
def trial() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 30
    arm = np.repeat(["con", "low", "high"], n)
    gain = np.repeat([0.0, 2.0, 6.0], n)
    vo2, sbp = rng.normal(40, 5, 3 * n), rng.normal(130, 8, 3 * n)
    return pd.DataFrame(
        {
            "subject_id": [f"P{i:02d}" for i in range(3 * n)],
            "arm": arm,
            "vo2_pre": vo2,
            "vo2_post": vo2 + gain + rng.normal(0, 1.4, 3 * n),
            "sbp_pre": sbp,
            "sbp_post": sbp - gain + rng.normal(0, 1.4, 3 * n),
            "sessions": np.where(arm == "con", 0.0, rng.uniform(0.3, 1.0, 3 * n)),
        }
    )


def specs(**more) -> dict[str, exo.ResponseSpec]:
    how = {"reliability": REL, "threshold": 1.0, "arm": "arm", "control": "con", **more}
    return {
        "vo2": exo.ResponseSpec(pre="vo2_pre", post="vo2_post", **how),
        "sbp": exo.ResponseSpec(pre="sbp_pre", post="sbp_post", direction="down", **how),
    }


def test_each_outcome_and_dose_is_what_responders_says(trial):
    profile = exo.tl.responder_profile(trial, specs())
    assert list(profile.results) == [
        ("vo2", "high"), ("vo2", "low"), ("sbp", "high"), ("sbp", "low"),
    ]  # fmt: skip
    alone = exo.tl.responders(
        trial, pre="vo2_pre", post="vo2_post", reliability=REL, threshold=1.0, arm="arm",
        control="con", treated="low",
    )  # fmt: skip
    pd.testing.assert_frame_equal(profile["vo2", "low"].frame, alone.frame)
    row = profile.summary.set_index(["outcome", "arm"]).loc[("vo2", "low")]
    assert row["verdict"] == alone.verdict and row["n_responder"] == alone.counts["responder"]
    assert row["sd_ir"] == alone.sd_ir.estimate and row["status"] == "ok"
    shares = profile.summary.set_index(["outcome", "arm"])["n_responder"]
    assert shares[("vo2", "high")] > shares[("vo2", "low")]
    assert shares[("sbp", "high")] > 20  # less is better there
    with pytest.raises(KeyError):
        _ = profile["vo2"]  # two arms: which?
    assert len(profile.frame) == 4 * 30


def test_agreement_of_outcomes(trial):
    table = exo.tl.responder_profile(trial, specs()).agreement.set_index("arm")
    assert list(table.index) == ["high", "low"]
    assert abs(table.loc["high", "r_change"]) < 0.5
    both = trial.assign(sbp_post=trial["sbp_pre"] - (trial["vo2_post"] - trial["vo2_pre"]))
    same = exo.tl.responder_profile(both, specs()).agreement.set_index("arm")
    assert same.loc["low", "r_change"] == pytest.approx(-1)
    assert same.loc["low", "n_both"] > same.loc["low", "expected_both"]


def test_an_arm_that_was_not_measured_twice_keeps_its_row(trial):
    trial.loc[trial["arm"] == "low", "vo2_post"] = np.nan
    profile = exo.tl.responder_profile(trial, specs())
    row = profile.summary.set_index(["outcome", "arm"]).loc[("vo2", "low")]
    assert "Nobody of low has both" in row["status"] and row["verdict"] == "cannot be known"
    assert ("vo2", "low") not in profile.results
    trial["vo2_post"] = np.nan
    with pytest.raises(AnalysisError, match="Nobody"):
        exo.tl.responder_profile(trial, {"vo2": specs()["vo2"]})


def test_those_who_did_not_train(trial):
    how = {"adherence": "sessions", "min_adherence": 0.6}
    profile = exo.tl.responder_profile(trial, specs(), **how)
    result = profile["vo2", "high"]
    idle = set(trial.loc[(trial["arm"] == "high") & (trial["sessions"] < 0.6), "subject_id"])
    frame = result.frame.set_index("subject_id")
    assert set(frame.index[frame["category"] == "not_trained"]) == idle
    assert frame.loc[sorted(idle), "change"].notna().all()  # shown ...
    assert frame.loc[sorted(idle), "p_response"].isna().all()  # ... and no label of theirs
    assert result.control_counts["not_trained"] == 0
    # and counted nowhere: the result is that of the others alone
    others = exo.tl.responders(
        trial[~trial["subject_id"].isin(idle)], pre="vo2_pre", post="vo2_post", reliability=REL,
        threshold=1.0, arm="arm", control="con", treated="high",
    )  # fmt: skip
    assert result.sd_ir.sd_treated == others.sd_ir.sd_treated
    assert result.mean_change == others.mean_change
    assert any("less than the dose" in note for note in result.notes)
    row = profile.summary.set_index(["outcome", "arm"]).loc[("vo2", "high")]
    assert row["n_not_trained"] == len(idle) and row["n"] == 30 - len(idle)
    own = exo.tl.responder_profile(trial, specs(**how))  # the dose may be the spec's
    pd.testing.assert_frame_equal(own.frame, profile.frame)
    trial.loc[40, "sessions"] = np.nan  # of the other arm: not this arm's note
    trial.loc[0, "sessions"] = trial.loc[70, "sessions"] = np.nan
    again = exo.tl.responder_profile(trial, specs(), **how)["vo2", "high"]
    assert any("1 people have no 'sessions'" in note for note in again.notes)


def test_bad_calls(trial):
    with pytest.raises(UsageError, match="no outcome"):
        exo.tl.responder_profile(trial, {})
    with pytest.raises(UsageError, match=r"specs\['a'\] is a float"):
        exo.tl.responder_profile(trial, {"a": 1.0})
    with pytest.raises(UsageError, match="go together"):
        exo.tl.responder_profile(trial, specs(), adherence="sessions")
    with pytest.raises(UsageError, match="is no dose"):
        exo.tl.responder_profile(trial, specs(), adherence="sessions", min_adherence=np.nan)
    with pytest.raises(UsageError, match="sd_ir_method='exact'"):
        exo.tl.responder_profile(trial, specs(), sd_ir_method="exact")


def test_the_frames_are_storable_and_the_reprs_escape(trial, tmp_path):
    import json

    profile = exo.tl.responder_profile(trial, {"<b>vo2</b>": specs()["vo2"], "sbp": specs()["sbp"]})
    assert "&lt;b&gt;vo2" in profile._repr_html_() and "ResponderProfile" in repr(profile)
    json.dumps(profile.to_dict(), allow_nan=False)
    for frame in (profile.summary, profile.frame, profile.agreement):
        assert isinstance(frame.index, pd.RangeIndex)
        frame.to_parquet(tmp_path / "f.parquet")


@pytest.mark.real_data
def test_rats_by_dose_within_age_and_sex(data_dir):
    """4 and 8 weeks of treadmill apart: no dose at 6 or 18 months shows that rats differ."""
    rats = pd.read_csv(
        data_dir / "motrpac_rat_pass1b" / "outcome_delta_vo2max.csv", dtype={"pid": str, "age": str}
    )
    expected = {  # age, arm: people, SDir, its interval
        ("6M", "4W"): (38, -4.84, -6.69, -1.44),
        ("6M", "8W"): (30, -2.84, -5.75, 4.12),
        ("18M", "8W"): (31, 2.04, -2.27, 3.67),
    }
    for age in ("6M", "18M"):
        spec = exo.ResponseSpec(
            pre="pre_vo2max_ml_kg_min", post="post_vo2max_ml_kg_min", threshold=3.5,
            reliability="control", arm="group", control="SED", strata=("sex",),
        )  # fmt: skip
        summary = exo.tl.responder_profile(
            rats[rats["age"] == age], {"vo2max": spec}, subject="pid"
        ).summary
        assert (summary["verdict"].astype(str) == "cannot be known").all()
        for row in summary[summary["status"] == "ok"].itertuples():
            n, *numbers = expected[age, str(row.arm)]
            assert row.n == n
            np.testing.assert_allclose([row.sd_ir, row.ci_low, row.ci_high], numbers, atol=0.006)


@pytest.mark.real_data
def test_no_interval_calls_a_real_set_different(data_dir):
    """The four methods differ in where they end, and agree that none is above 0."""
    rats = pd.read_csv(
        data_dir / "motrpac_rat_pass1b" / "outcome_delta_vo2max.csv", dtype={"pid": str, "age": str}
    )
    skiers = pd.read_csv(data_dir / "exscidata_training" / "heatxc.csv").pivot(
        index=["participant", "group"], columns="time", values="VO2max_kg"
    )
    rats_8w = exo.tl.responders(
        rats, pre="pre_vo2max_ml_kg_min", post="post_vo2max_ml_kg_min", subject="pid",
        arm="group", control="SED", treated="8W", strata=("age", "sex"), threshold=3.5,
        reliability="control",
    )  # fmt: skip
    heat = exo.tl.responders(
        skiers.reset_index(), pre="pre", post="post", subject="participant", arm="group",
        control="con", threshold="0.2_sd", reliability="control",
    )  # fmt: skip
    assert rats_8w.counts["responder"] == 22 and rats_8w.control_counts["responder"] == 0
    limits = {
        ("rats", "mover"): (-4.59, 2.95),
        ("rats", "mixed"): (-4.67, -0.53),
        ("skiers", "mover"): (-5.07, -0.19),
        ("skiers", "mixed"): (-3.96, 1.31),
    }
    for name, result in (("rats", rats_8w), ("skiers", heat)):
        table = result.sd_ir_table.set_index(result.sd_ir_table["method"].astype(str))
        assert (table["ci_low"] < 0).all() and result.verdict == "cannot be known"
        for method in ("mover", "mixed"):
            got = table.loc[method, ["ci_low", "ci_high"]].astype(float)
            np.testing.assert_allclose(got, limits[name, method], atol=0.006)
