"""Value of policies: arms, the rule, and the gain that counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def text_of(ax, gid: str) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid)


def at(ax, gid: str) -> list[list[float]]:
    return [c.get_offsets()[0].tolist() for c in ax.collections if c.get_gid() == gid]


@pytest.mark.quick
def test_arms_then_the_rule_then_the_gain_apart(make):
    ax, data = pl.policy_value(make.policy(), unit="mL/kg/min", return_data=True)
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == ["all high intensity", "all endurance", "rule", "gain over the best arm"]
    np.testing.assert_allclose(at(ax, "arm"), [[3.2, 0], [2.8, 1]])
    assert at(ax, "rule") == [[3.5, 2]] and at(ax, "gain") == [[0.4, 3.5]]
    (line,) = (line for line in ax.lines if line.get_gid() == "apart")
    assert 2 < line.get_ydata()[0] < 3.5
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert list(data["policy"])[-1] == "gain"
    assert text_of(ax, "n").endswith("0.40 (−0.20 to 1.00)")
    assert ax.get_xlabel() == "mean outcome, mL/kg/min"


def test_intervals_are_where_the_frame_says(make):
    ax, data = pl.policy_value(make.policy(), return_data=True)
    bars = [c.get_segments()[0][:, 0] for c in ax.collections if c.get_gid() is None]
    np.testing.assert_allclose(bars, data[["ci_low", "ci_high"]].to_numpy())


def test_verdict_and_abstentions_stand_below(make):
    caption = text_of(pl.policy_value(make.policy()), "caption")
    assert "Verdict: cannot be said with n = 60." in caption
    assert "abstains for 30 of 60 people" in caption


def test_the_order_of_the_frame_and_several_learners(make):
    frame = make.policy().policy_value
    more = frame[frame["learner"] == "t"].assign(learner="dr", estimate=[3.3, 0.1])
    ax = pl.policy_value(pd.concat([more, frame]))
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[2:] == [
        "rule, DR-learner", "rule, T-learner",
        "gain over the best arm, DR-learner", "gain over the best arm, T-learner",
    ]  # fmt: skip
    assert at(ax, "gain") == [[0.1, 4.5], [0.4, 5.5]]


def test_what_is_not_known_keeps_its_row(make):
    frame = make.policy().policy_value
    frame.loc[3, ["estimate", "ci_low", "ci_high"]] = np.nan
    frame.loc[3, "status"] = "one group only"
    ax = pl.policy_value(frame)
    assert len(ax.get_yticklabels()) == 4 and "not known" in text_of(ax, "n")
    assert "Gain over the best arm: one group only." in text_of(ax, "caption")
    frame["estimate"] = np.nan
    with pytest.raises(UsageError, match="no policy has a value"):
        pl.policy_value(frame)


def test_a_gain_of_nothing_is_explained_and_the_direction_told(make):
    result = make.policy()
    result.policy_value.loc[3, ["estimate", "ci_low", "ci_high"]] = 0.0
    result.policy_value["status"] = ["ok", "ok", "ok", "the rule gives everybody the best arm"]
    result.settings = {"better": "lower"}
    ax = pl.policy_value(result)
    assert "the rule gives everybody the best arm." in text_of(ax, "caption")
    assert text_of(ax, "subtitle").endswith("lower is better")


def test_arms_alone_have_no_line(make):
    ax = pl.policy_value(make.policy().policy_value.head(2))
    assert "apart" not in {line.get_gid() for line in ax.lines}
    assert not text_of(ax, "caption")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "NoneType, which has no frame 'policy_value'"),
        (pd.DataFrame({"policy": ["rule"]}), "needs the columns 'estimate'"),
        (pd.DataFrame(columns=["policy", "estimate", "ci_low", "ci_high"]), "no rows"),
    ],
)
def test_what_is_no_result(given, message):
    with pytest.raises(UsageError, match=message):
        pl.policy_value(given)


def test_a_gain_over_one_arm_stands_with_the_gains(make):
    frame = make.policy().policy_value
    more = frame[frame["policy"] == "gain"].assign(policy="gain over all endurance", estimate=0.7)
    ax = pl.policy_value(pd.concat([more, frame]))
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[-2:] == ["gain over all endurance", "gain over the best arm"]
    assert [x for x, _ in at(ax, "gain")] == [0.7, 0.4] and len(at(ax, "arm")) == 2
