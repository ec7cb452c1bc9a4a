"""Labels judged by what they find in people who did not train."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, UsageError

REL = exo.Reliability.from_typical_error(1.0, df=30)
HOW = {"pre": "pre", "post": "post", "arm": "arm", "control": "con", "reliability": REL,
       "threshold": 1.0}  # fmt: skip


def people(gain: float, n: int = 60, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pre = rng.normal(40, 5, 2 * n)
    post = pre + rng.normal(0, np.sqrt(2), 2 * n) + np.repeat([gain, 0.0], n)
    return pd.DataFrame(
        {"subject_id": [f"P{i}" for i in range(2 * n)], "pre": pre, "post": post,
         "arm": np.repeat(["train", "con"], n)}
    )  # fmt: skip


def test_quantiles_and_clusters_make_responders_of_the_untrained():
    rates = exo.tl.label_rates(people(0.0), quantile=0.25, **HOW).set_index("rule")
    assert list(rates.index) == ["change", "category", "quantile", "cluster", "dankel"]
    assert rates.loc["quantile", "share_treated"] == pytest.approx(0.25)
    assert rates.loc["quantile", "share_control"] == pytest.approx(0.25)
    assert 0.3 < rates.loc["cluster", "share_control"] < 0.7
    assert rates.loc["cluster", "p_value"] > 0.05
    assert rates.loc["category", "share_control"] < 0.1
    strong = exo.tl.label_rates(people(6.0), **HOW).set_index("rule")
    assert (
        strong.loc["category", "share_treated"]
        > 0.8
        > 0.1
        > strong.loc["category", "share_control"]
    )
    assert strong.loc["quantile", "share_treated"] == pytest.approx(0.25)  # however strong


def test_order_direction_and_one_arm():
    table = people(2.0)
    first = exo.tl.label_rates(table, **HOW)
    pd.testing.assert_frame_equal(first, exo.tl.label_rates(table[::-1], **HOW))
    mirrored = table.assign(pre=-table["pre"], post=-table["post"])
    down = exo.tl.label_rates(mirrored, direction="down", **HOW)
    pd.testing.assert_frame_equal(first, down)
    alone = exo.tl.label_rates(
        table[table["arm"] == "train"], pre="pre", post="post", reliability=REL, threshold=1.0
    )
    assert "dankel" not in set(alone["rule"].astype(str)) and alone["share_control"].isna().all()
    with pytest.raises(UsageError, match="quantile=1"):
        exo.tl.label_rates(table, quantile=1, **HOW)


def test_relative_labels_warn_and_learn_from_the_training_people_only():
    table = people(1.0)
    how = {"pre": "pre", "post": "post", "threshold": 1.0, "reliability": REL}
    for rule in ("quantile", "cluster"):
        with pytest.warns(ExerkineWarning, match="also of people who did not train"):
            spec = exo.ResponseSpec(label_rule=rule, quantile=0.3, **how)
        train, test = table.iloc[:60], table.iloc[60:]
        label = spec.label(train, train)
        if rule == "quantile":
            assert label.mean() == pytest.approx(0.3, abs=0.02)
        moved = test.assign(post=test["post"] + 100)
        pd.testing.assert_series_equal(spec.label(train, train), label)
        assert (spec.label(train, moved) == 1).all()  # the cut is the training people's
    with pytest.raises(UsageError, match="label_rule='best'"):
        exo.ResponseSpec(label_rule="best", **how)
    with pytest.raises(UsageError, match="quantile=0"):
        exo.ResponseSpec(label_rule="quantile", quantile=0, **how)


def test_the_source_of_a_threshold_is_in_its_hash():
    how = {"pre": "a", "post": "b", "threshold": 3.5, "reliability": REL}
    one = exo.ResponseSpec(source="1 MET: Meyler et al.", **how)
    assert one.sha256 != exo.ResponseSpec(**how).sha256
    assert one.to_dict()["source"] == "1 MET: Meyler et al."


@pytest.mark.real_data
def test_published_clusters_of_hypertrophy_arise_by_clustering(data_dir):
    """Haun 2019, HIGH and LOW of 31 men: each outcome splits as one normal population does."""
    men = pd.read_csv(data_dir / "exscidata_training" / "hypertrophy.csv")
    assert men["CLUSTER"].value_counts().to_dict() == {"LOW": 10, "HIGH": 10}
    agreement = []
    for name in ("VL", "BICEPS", "DXA_LBM", "FAST_CSA", "SLOW_CSA", "TMD"):
        rates = exo.tl.label_rates(
            men, pre=f"{name}_T1", post=f"{name}_T3", subject="PARTICIPANT", threshold=0.0,
            reliability=exo.Reliability.from_typical_error(1.0),
        ).set_index("rule")  # fmt: skip
        assert rates.loc["cluster", "p_value"] > 0.05, name
        change = men[f"{name}_T3"] - men[f"{name}_T1"]
        known = men["CLUSTER"].notna() & change.notna()
        high = change[known] > rates.loc["cluster", "cut"]
        agreement.append(float((high == (men["CLUSTER"][known] == "HIGH")).mean()))
    # the label says little beyond the outcome it was made of: no man is HIGH as such
    assert max(agreement) >= 0.85 and min(agreement) <= 0.6


def test_a_split_of_nothing_has_no_p():
    """Constant changes, or too few to split, are no cluster: p is NaN and the note says why."""
    table = people(0.0, n=10)
    same = table.assign(post=table["pre"] + 1.0)
    alone = {**HOW, "arm": None, "control": None}
    for frame, how in ((same, HOW), (table.iloc[:2], alone), (table.iloc[:1], alone)):
        rates = exo.tl.label_rates(frame, **how).set_index("rule")
        assert np.isnan(rates.loc["cluster", "p_value"])
        assert "nan" not in rates.loc["cluster", "note"]
    assert "dankel" not in set(exo.tl.label_rates(same, **HOW)["rule"].astype(str))


def test_threshold_and_controls_are_those_of_responders():
    """Strata where nobody trained, and people who did not train, count as in `responders`."""
    table = people(2.0)
    rng = np.random.default_rng(3)
    table["age"] = np.where((table["arm"] == "con") & (np.arange(120) % 2 == 0), "old", "young")
    table.loc[table["age"] == "old", "post"] += 50
    table["pre"] += np.where(table["age"] == "old", rng.normal(0, 60, 120), 0.0)
    table["dose"] = np.where(np.arange(120) < 15, 0.2, 1.0)
    how = {**HOW, "threshold": "0.2_sd", "strata": "age", "adherence": "dose",
           "min_adherence": 0.5}  # fmt: skip
    result = exo.tl.responders(table, **how)
    rates = exo.tl.label_rates(table, **how).set_index("rule")
    assert rates.loc["change", "cut"] == pytest.approx(result.threshold)
    assert rates.loc["change", "n_treated"] == 45 and rates.loc["change", "n_control"] == 30
    hits = result.counts["responder"]
    assert rates.loc["category", "n_responders"] == hits
    assert any("of 30 control people" in note for note in result.notes)
