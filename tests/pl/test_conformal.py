"""Conformal sets: shares by set, coverage by class, widths of intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics import pl
from exerkine_omics.errors import UsageError
from exerkine_omics.ml._conformal import conformal_summary


def text_of(ax, gid: str) -> list[str]:
    return [t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid]


def people():
    """Ten responders and ten others, sets of each kind."""
    frame = pd.DataFrame({"block": "omics", "model": "m", "label": np.repeat([1, 0], 10)})
    frame["in_set_1"] = [True] * 9 + [False] + [True] * 4 + [False] * 6
    frame["in_set_0"] = [False] * 3 + [True] * 6 + [False] + [True] * 2 + [False] * 2 + [True] * 6
    return frame.assign(abstain=frame["in_set_1"] == frame["in_set_0"])


@pytest.mark.quick
def test_the_summary_counts_people_by_set():
    row = conformal_summary(people(), False, 0.1, 0.95).iloc[0]
    assert row[["only_1", "both", "none", "only_0"]].tolist() == [5 / 20, 8 / 20, 1 / 20, 6 / 20]
    assert row["abstained"] == pytest.approx(9 / 20)
    assert row["nominal"] == 0.9 and row["n"] == 20
    assert row["coverage_1"] == 0.9 and row["coverage_0"] == 0.8 and row["coverage"] == 0.85
    # Wilson's interval of 9 of 10 and 8 of 10 (R: prop.test(9, 10, correct = FALSE))
    assert row[["coverage_1_low", "coverage_1_high"]].tolist() == pytest.approx(
        [0.5958500, 0.9821238], abs=1e-6
    )
    one = people()
    one = one[one["label"] == 1]
    assert np.isnan(conformal_summary(one, False, 0.1, 0.95).iloc[0]["coverage_0"])


def test_the_summary_of_a_change():
    frame = pd.DataFrame({"block": "omics", "model": "m", "change": np.arange(20.0)})
    frame["ci_low"], frame["ci_high"] = frame["change"] - 1, frame["change"] + np.arange(20) - 1
    row = conformal_summary(frame, True, 0.2, 0.95).iloc[0]
    assert row["coverage"] == 19 / 20 and row["nominal"] == 0.8
    assert row["width"] == 9.5 and row["width_5"] == 0 and row["width_95"] == 19
    frame.loc[3, "ci_high"] = np.inf
    row = conformal_summary(frame, True, 0.2, 0.95).iloc[0]
    assert row["width"] == np.inf and row["width_5"] == 0


def test_bars_points_and_the_promise():
    frame = conformal_summary(people(), False, 0.1, 0.95)
    ax, data = pl.conformal(frame, return_data=True)
    widths = {bar.get_gid(): bar.get_width() for bar in ax.patches}
    assert widths == pytest.approx({"only_1": 0.25, "both": 0.4, "none": 0.05, "only_0": 0.3})
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    assert ends[-1] == pytest.approx(1) and ends == sorted(ends)
    points = {c.get_gid(): c.get_offsets()[0] for c in ax.collections if c.get_gid()}
    assert points["responders"][0] == 0.9 and points["non-responders"][0] == 0.8
    (line,) = (v for v in ax.lines if v.get_gid() == "nominal")
    assert line.get_xdata()[0] == 0.9
    texts = text_of(ax, "n")
    assert texts[0] == "one class for 55%" and texts[1] == "0.90 (0.60 to 0.98)"
    assert "90% promised" in text_of(ax, "subtitle")[0] and len(data) == 1
    alone = conformal_summary(people().query("label == 1"), False, 0.1, 0.95)
    assert "no non-responders" in text_of(pl.conformal(alone), "n")


def test_widths_of_a_change():
    names = ["clinical", "omics"]
    frame = pd.DataFrame({"block": names, "model": "m", "n": 30, "nominal": 0.9})
    frame = frame.assign(coverage=0.93, coverage_low=0.79, coverage_high=0.98)
    frame = frame.assign(width=[8.0, np.inf], width_5=7.0, width_95=[9.0, np.inf])
    ax = pl.conformal(frame)
    (points,) = (c for c in ax.collections if c.get_gid() == "width")
    np.testing.assert_allclose(points.get_offsets(), [[8.0, 0.0]])
    assert "Without end for some: omics." in " ".join(text_of(ax, "caption"))
    assert text_of(ax, "n")[0] == "holds 0.93 (0.79 to 0.98) of 0.90"


def test_models_are_named_where_there_are_several(make):
    ax = pl.conformal(make.prediction(2, models=("elastic_net", "forest")))
    assert [t.get_text() for t in ax.get_yticklabels()][1] == "clinical, forest"
    with pytest.raises(UsageError, match="no model 'svm'"):
        pl.conformal(make.prediction(2), model="svm")
    with pytest.raises(UsageError, match="needs the columns"):
        pl.conformal(make.prediction(2).conformal_summary.drop(columns="only_1"))


@pytest.mark.parametrize("target", ["label", "change"])
def test_it_draws_what_evaluate_returns(target):
    cohort = exo.datasets.simulate(
        40, design="training", arms=("EE",), n_proteins=8, n_metabolites=0, n_mirna=0, seed=1
    )
    change = cohort.outcomes.set_index("subject_id")
    change = change["vo2max_post"] - change["vo2max_pre"]
    outcome = change if target == "change" else (change > change.median()).astype(float)
    adata = cohort.adata if cohort.mdata is None else cohort.mdata.mod["proteomics"]
    found = exo.ml.evaluate(
        adata, outcome, target=target, outer=(4, 1), n_permutations=0, n_bootstrap=20, seed=1
    )
    _, data = pl.conformal(found, return_data=True)
    assert set(data["block"]) == set(found.metrics["block"])
