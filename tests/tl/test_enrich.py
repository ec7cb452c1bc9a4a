"""`tl.enrich`: the frame, every method by hand or against limma, missing values, bad calls."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UsageError
from exerkine_omics.tl._enrich_methods import SET_METHODS
from exerkine_omics.tl._enrich_sets import COLUMNS

nan = np.nan
METHODS = tuple(SET_METHODS)
MATRIX = ("camera", "fry", "roast")
UP = ["A00", "A01", "A02", "A03", "A04"]
SETS: dict[str, Any] = {
    "up": UP,
    "signed": {"A00": 2.0, "A07": -1.0, "A09": 0.5},
    "flat": ["A10", "A11", "A12", "A13"],
    "thin": ["A20", "Z1", "Z2", "Z3"],
    "absent": ["Z1", "Z2"],
}
NUMBERS = [c for c, d in COLUMNS.items() if d == "float64"]
FEW: dict[str, dict[str, Any]] = {"roast": {"n_rotations": 499}, "signflip": {}}


def full(adata: ad.AnnData) -> ad.AnnData:
    """Replace the trial's gaps by draws of its own size."""
    rng = np.random.default_rng(9)
    gaps = np.isnan(adata.X)
    adata.X[gaps] = rng.normal(5, 1, gaps.sum())
    return adata


def enrich(adata: ad.AnnData, method: str, sets: Any = None, **options: Any) -> pd.DataFrame:
    given = {**FEW.get(method, {}), **options}
    return exo.tl.enrich(adata, SETS if sets is None else sets, method=method, **given)


def row(frame: pd.DataFrame, signature: str, contrast: str = "EE: post - pre") -> pd.Series:
    return frame[(frame["signature"] == signature) & (frame["contrast"] == contrast)].iloc[0]


# ---- the frame


@pytest.mark.parametrize("method", METHODS)
def test_frame(trial: ad.AnnData, method: str, round_trip) -> None:
    frame = enrich(full(trial), method, control="CON")
    assert {c: str(d) for c, d in frame.dtypes.items()} == COLUMNS
    assert list(frame["signature"].cat.categories) == list(SETS)
    assert len(frame) == len(SETS) * 6 and isinstance(frame.index, pd.RangeIndex)
    assert not frame.select_dtypes("category").isna().any(axis=None)
    up = row(frame, "up")
    assert (up["direction"], up["status"]) == ("up", "ok") and up["estimate"] > 1
    assert up["p_value"] < 0.05 < row(frame, "flat")["p_value"]
    assert set(up["leading"].split("; ")) == set(UP) and up["prop_up"] == 1.0
    assert up["n_pairs"] == 8 and up["n_members"] == up["n_measured"] == 5
    thin, absent = row(frame, "thin"), row(frame, "absent")
    assert (thin["status"], thin["coverage"]) == ("coverage below 0.5", 0.25)
    assert absent["status"] == "not measured" and absent["n_measured"] == 0
    bad = frame["status"] != "ok"
    assert frame.loc[bad, [c for c in NUMBERS if c != "coverage"]].isna().all(axis=None)
    assert set(frame.loc[bad, "direction"]) == {""}
    assert frame.loc[~bad, ["statistic", "p_value", "p_adj", "estimate"]].notna().all(axis=None)
    competitive = SET_METHODS[method].competitive
    assert frame.loc[~bad, "p_value_mixed"].isna().all() == competitive
    assert frame.loc[~bad, "inter_gene_cor"].notna().all() == competitive
    pd.testing.assert_frame_equal(trial.uns["enrichment"], frame)
    back = round_trip(trial).uns["enrichment"]
    pd.testing.assert_frame_equal(back, frame, check_categorical=False)
    assert trial.uns["exerkine"]["steps"]["step"].iloc[-1] == "tl.enrich"


def test_p_adj_is_within_the_contrast(trial: ad.AnnData) -> None:
    frame = enrich(full(trial), "camera", min_coverage=0.2)
    for _, part in frame[frame["status"] == "ok"].groupby("contrast", observed=True):
        expected = stats.false_discovery_control(part["p_value"])
        np.testing.assert_allclose(part["p_adj"], expected)


@pytest.mark.parametrize("method", METHODS)
def test_turned_weights_turn_the_direction(trial: ad.AnnData, method: str) -> None:
    full(trial)
    sets = {"up": dict.fromkeys(UP, 1.0), "mixed": {"A00": 1.0, "A05": -1.0, "A06": 1.0}}
    turned = {k: {m: -w for m, w in v.items()} for k, v in sets.items()}
    one, two = enrich(trial, method, sets), enrich(trial, method, turned)
    # a competitive test turns the members over and leaves the others as they are
    if not SET_METHODS[method].competitive:
        for column in ("p_value", "p_value_mixed", "p_adj"):
            np.testing.assert_allclose(one[column], two[column], rtol=1e-9)
        np.testing.assert_allclose(one["statistic"], -two["statistic"], rtol=1e-9)
    np.testing.assert_allclose(one["estimate"], -two["estimate"])
    np.testing.assert_allclose(one["prop_up"], two["prop_down"])
    assert row(one, "up")["direction"] == "up" and row(two, "up")["direction"] == "down"
    assert set(row(two, "up")["leading"].split("; ")) == set(UP)


@pytest.mark.parametrize("method", METHODS)
def test_order_and_level_do_not_matter(trial: ad.AnnData, method: str) -> None:
    if method in MATRIX:
        full(trial)
    reference = enrich(trial, method, control="CON")
    rng = np.random.default_rng(0)
    other = trial[rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)].copy()
    pd.testing.assert_frame_equal(enrich(other, method, control="CON"), reference, rtol=1e-9)
    trial.X = trial.X + 1e5
    moved = enrich(trial, method, control="CON")
    np.testing.assert_allclose(moved[NUMBERS], reference[NUMBERS], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_nan_cell_is_an_absent_row(trial: ad.AnnData, method: str) -> None:
    """A sample without values, and the one sample of a person, cost no feature."""
    full(trial)
    gone = trial.obs_names.isin(["P01_late", "P05_pre"])
    alone = trial.obs["subject_id"].isin(["P06"]).to_numpy() & ~trial.obs_names.isin(["P06_pre"])
    less = trial[~gone & ~alone].copy()
    trial.X[gone | alone] = nan
    trial.X[trial.obs_names.get_loc("P06_pre"), 0] = nan
    one, two = enrich(trial, method, control="CON"), enrich(less, method, control="CON")
    pd.testing.assert_frame_equal(one, two)
    assert one.loc[one["signature"] == "up", "n_measured"].eq(5).all()


# ---- missing values


@pytest.mark.parametrize("method", MATRIX)
def test_incomplete_features_are_dropped_and_named(trial: ad.AnnData, method: str) -> None:
    full(trial)
    trial.X[3, [0, 2]] = nan
    trial.X[:, 15] = 4.0
    frame = enrich(trial, method, {"up": UP, "other": ["A15", "A16"], "gone": ["A00", "A02"]})
    up = row(frame, "up")
    assert up["dropped"] == "A00; A02" and up["coverage"] == 0.6 and up["n_features"] == 27
    assert row(frame, "other")["dropped"] == "A15"
    gone = row(frame, "gone")
    assert gone["status"] == "no complete member" and gone["dropped"] == "A00; A02"
    less = trial[:, [f"A{i:02d}" for i in range(30) if i not in (0, 2, 15)]].copy()
    other = row(enrich(less, method, {"up": UP[1:2] + UP[3:]}), "up")
    for column in ("statistic", "p_value", "estimate"):
        assert up[column] == pytest.approx(other[column], rel=1e-9), column


def test_few_complete_features_are_told(trial: ad.AnnData) -> None:
    with pytest.warns(ExerkineWarning, match=r"takes features without NaN: \d of 30"):
        frame = enrich(trial, "fry")
    assert frame["status"].isin(["ok", "no complete member", "not measured"]).sum() > 0


# ---- signflip


def own_change(adata: ad.AnnData, arm: str = "EE", late: str = "post") -> np.ndarray:
    wide = pd.DataFrame(adata.X, adata.obs_names, adata.var_names)
    people = sorted(adata.obs.loc[adata.obs["arm"] == arm, "subject_id"].unique())
    two = [wide.reindex([f"{p}_{t}" for p in people]).to_numpy() for t in (late, "pre")]
    return two[0] - two[1]


def test_signflip_by_hand(trial: ad.AnnData) -> None:
    change = own_change(trial)
    unit = change / np.sqrt(np.nanmean(change**2, axis=0))
    where, weight = [0, 7, 9], np.array([2.0, -1.0, 0.5])
    there = np.isfinite(unit[:, where])
    share = there @ np.abs(weight) / 3.5
    assert (share < 1).any()
    set_change = np.nansum(unit[:, where] * weight, axis=1) / (there @ np.abs(weight))
    set_change[share < 0.5] = nan
    known = set_change[np.isfinite(set_change)]
    t = []
    for signs in product((1, -1), repeat=len(known)):
        t.append(abs(stats.ttest_1samp(known * np.array(signs), 0).statistic))
    got = row(enrich(trial, "signflip"), "signed")
    assert got["statistic"] == pytest.approx(t[0]) and got["direction"] == "up"
    assert got["p_value"] == pytest.approx((np.array(t) >= t[0] - 1e-9).mean(), rel=1e-12)
    assert got["n_pairs"] == len(known)
    means = np.nanmean(change[:, where], axis=0)
    assert got["estimate"] == pytest.approx(means @ weight / 3.5)


def test_signflip_between_arms(trial: ad.AnnData) -> None:
    """All people change by the same in all members: between arms there is nothing."""
    late = (trial.obs["timepoint"] == "post").to_numpy()
    reference = enrich(trial, "signflip", control="CON")
    trial.X[late] += 3.0
    frame = enrich(trial, "signflip", control="CON")
    name = "EE - CON: post - pre"
    for signature in ("up", "signed", "flat"):
        one, two = (row(f, signature, name) for f in (reference, frame))
        for column in ("statistic", "p_value", "p_value_mixed", "estimate"):
            assert one[column] == pytest.approx(two[column], rel=1e-8), column
    up, flat = row(frame, "up", name), row(frame, "flat", name)
    assert up["p_adj"] < 0.01 < 0.05 < flat["p_adj"] and up["direction"] == "up"
    reverse = {"back": "(CON.post - CON.pre) - (EE.post - EE.pre)"}
    back = row(enrich(trial, "signflip", contrasts=reverse), "up", "back")
    assert back["p_value"] == up["p_value"] and back["p_value_mixed"] == up["p_value_mixed"]
    assert back["statistic"] == pytest.approx(-up["statistic"]) and back["direction"] == "down"


def test_signflip_adjusts_by_max_t(trial: ad.AnnData) -> None:
    """A signature under ten names is one signature: max-T charges nothing, Bonferroni ten."""
    many = {f"s{i}": UP[:3] for i in range(10)}
    frame = enrich(trial, "signflip", many)
    np.testing.assert_allclose(frame["p_adj"], frame["p_value"])


def test_opposite_members_have_a_mixed_p_only(trial: ad.AnnData) -> None:
    full(trial)
    trial.X[(trial.obs["timepoint"] == "post").to_numpy(), 5:8] -= 1.5
    both = {"both": ["A00", "A01", "A02", "A05", "A06", "A07"]}
    for method in ("fry", "roast", "signflip"):
        got = row(enrich(trial, method, both), "both")
        assert got["p_value_mixed"] < 0.02 < 0.1 < got["p_value"], method
        assert got["prop_up"] == got["prop_down"] == 0.5


@pytest.mark.parametrize("method", METHODS)
def test_few_people(trial: ad.AnnData, method: str) -> None:
    full(trial)
    one = trial[trial.obs["subject_id"].isin(["P01"])].copy()
    frame = enrich(one, method, contrasts=["EE.post - EE.pre"])
    told = {"signflip": "fewer than 2 pairs in an arm"}.get(method, "no residual df")
    assert set(frame["status"]) == {told} and frame["p_value"].isna().all()
    two = trial[trial.obs["subject_id"].isin(["P01", "P02"])].copy()
    got = row(enrich(two, method, contrasts=["EE.post - EE.pre"]), "up", "EE.post - EE.pre")
    assert got["status"] == "ok" and got["n_pairs"] == 2
    if method == "signflip":
        assert got["p_value"] >= 0.5
    nobody = trial[~trial.obs_names.isin([f"P{i:02d}_late" for i in range(8)])].copy()
    frame = enrich(nobody, method, contrasts=["EE.late - EE.pre"])
    told = {"signflip": "no pairs"}.get(method, "not estimable")
    assert set(frame["status"]) == {told} and frame["n_pairs"].eq(0).all()


@pytest.mark.parametrize("method", METHODS)
def test_contrasts_without_a_test(trial: ad.AnnData, method: str) -> None:
    full(trial)
    chosen = {"level": "EE.pre - CON.pre", "any": ["EE.post - EE.pre", "EE.late - EE.pre"]}
    frame = enrich(trial, method, contrasts=chosen)
    told = frame.groupby("contrast", observed=True)["status"].unique()
    assert list(told["level"]) == ["not a within-person contrast"]
    assert list(told["any"]) == [f"no joint test in {method}"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*takes features without NaN")
def test_data_that_say_nothing(trial: ad.AnnData, method: str) -> None:
    """No value, no change, the same change in everybody, values too large or small to square."""
    trial.X = np.random.default_rng(1).normal(5, 1, trial.shape)
    level = trial.X[pd.factorize(trial.obs["subject_id"])[0]]
    post = (trial.obs["timepoint"] == "post").to_numpy()[:, None]
    for values in (np.full((41, 30), nan), level, level + post, trial.X * 1e200, trial.X * 1e-200):
        trial.X = values
        frame = enrich(trial, method)
        assert not frame["status"].eq("ok").any() and frame["p_value"].isna().all()


# ---- competitive tests on small panels


def test_a_set_that_is_the_panel_has_nothing_to_compete_with(trial: ad.AnnData) -> None:
    full(trial)
    sets = {"most": [f"A{i:02d}" for i in range(21)]}
    for method in METHODS:
        got = row(enrich(trial, method, sets), "most")
        want = "fewer than 10 features outside the signature"
        assert got["status"] == (want if SET_METHODS[method].competitive else "ok"), method


@pytest.mark.parametrize("method", METHODS)
def test_a_candidate_panel_is_told(trial: ad.AnnData, method: str) -> None:
    full(trial)
    sigs = exo.sig.load()
    two = ("il6_anti_inflammatory_cascade", "acute_resistance", "muscle_origin")
    chosen = exo.sig.SignatureSet([sigs[name] for name in two])
    genes = dict.fromkeys(m.gene_symbol for s in chosen.values() for m in s.members)
    trial.var["gene_symbol"] = [*genes, *(f"G{i}" for i in range(30))][:30]
    if SET_METHODS[method].competitive:
        with pytest.warns(ExerkineWarning, match=f"{len(genes)} of the 30 features tested are mem"):
            enrich(trial, method, chosen)
    else:
        enrich(trial, method, chosen)
    plain = {f"s{i}": [f"A{j:02d}" for j in range(6 * i, 6 * i + 6)] for i in range(3)}
    assert enrich(trial, method, plain)["status"].eq("ok").all()


# ---- camera_pr on frames


def test_camera_pr_of_a_cohort_is_that_of_its_frame(trial: ad.AnnData) -> None:
    one = enrich(trial, "camera_pr", control="CON")
    frame = exo.tl.differential(trial, method="moderated", control="CON")
    two = exo.tl.enrich(frame, SETS, method="camera_pr")
    pd.testing.assert_frame_equal(one, two)
    assert one.loc[one["signature"] == "up", "status"].eq("ok").all()


@pytest.mark.parametrize("test", ["lmm", "paired_t", "wilcoxon", "signflip"])
def test_camera_pr_takes_the_frame_of_any_test(trial: ad.AnnData, test: str) -> None:
    frame = exo.tl.differential(trial, method=test)
    got = exo.tl.enrich(frame, SETS, method="camera_pr")
    up = row(got, "up")
    assert (up["status"], up["direction"]) == ("ok", "up") and up["p_value"] < 0.01
    assert row(got, "flat")["p_value"] > 0.05
    turned = frame.assign(estimate=-frame["estimate"])
    other = row(exo.tl.enrich(turned, SETS, method="camera_pr"), "up")
    assert other["statistic"] == pytest.approx(-up["statistic"])


def test_camera_pr_by_hand_on_a_published_table() -> None:
    """limma::cameraPR's formula on the statistics as they are, p-values and estimates alike."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=40)
    z[:6] += [2, 2, 2, -2, 2, 2]
    table = pd.DataFrame({"feature": [f"P{i}" for i in range(40)], "statistic": z})
    table.loc[5, "statistic"] = nan
    sets = {"s": dict.fromkeys([f"P{i}" for i in range(6)], 1.0) | {"P3": -4.0}}
    got = exo.tl.enrich(table, sets, method="camera_pr").iloc[0]
    signed, inside = z.copy(), np.arange(40) < 5
    signed[3] *= -1
    known = np.arange(40) != 5
    a, b = signed[inside], signed[known & ~inside]
    pooled = (a.var() * 5 + b.var() * 34) / 37
    t = (a.mean() - b.mean()) / np.sqrt(pooled * ((1 + 4 * 0.01) / 5 + 1 / 34))
    assert got["statistic"] == pytest.approx(t)
    assert got["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), 37))
    assert (got["contrast"], got["dropped"], got["n_features"]) == ("all", "P5", 39)
    assert np.isnan(got["estimate"]) and got["n_pairs"] == 0
    p = table.assign(p_value=2 * stats.norm.sf(np.abs(z)), estimate=z / 3, se=1 / 3)
    for columns in (["p_value", "statistic"], ["p_value", "estimate"], ["estimate", "se"]):
        rows = p.loc[p["feature"] != "P5", ["feature", *columns]]
        other = exo.tl.enrich(rows, sets, method="camera_pr").iloc[0]
        assert other["statistic"] == pytest.approx(t), columns


def test_members_are_found_by_the_ids_of_var_or_of_the_table(trial: ad.AnnData) -> None:
    sigs = exo.sig.load().query(modality="proteomics")
    genes = [m.gene_symbol for m in sigs["il6_anti_inflammatory_cascade"].members]
    trial.var["gene_symbol"] = [*genes, *(f"G{i}" for i in range(30 - len(genes)))]
    frame = exo.tl.differential(trial, method="paired_t")
    name = "il6_anti_inflammatory_cascade"
    one = exo.tl.enrich(frame, sigs, method="camera_pr", var=trial.var)
    assert row(one, name)["n_measured"] == len(genes)
    assert row(exo.tl.enrich(frame, sigs, method="camera_pr"), name)["n_measured"] == 0
    text = frame["feature"].astype(str)
    own = frame.assign(gene_symbol=text.map(trial.var["gene_symbol"]))
    pd.testing.assert_frame_equal(exo.tl.enrich(own, sigs, method="camera_pr"), one)


def test_an_f_has_no_direction(trial: ad.AnnData) -> None:
    frame = exo.tl.differential(trial, joint=True)
    got = exo.tl.enrich(frame, SETS, method="camera_pr")
    told = got.groupby("contrast", observed=True)["status"].unique()
    assert list(told["EE: any change"]) == ["no statistic with a direction"]
    assert "ok" in told["EE: post - pre"]


# ---- calls that cannot be


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "gsea"}, "no method 'gsea'"),
        ({"method": ["fry"]}, "no method"),
        ({"method": "fry", "inter_gene_cor": 0.1}, "no option of method 'fry'"),
        ({"method": "camera", "n_permutations": 9}, "no option of method 'camera'"),
        ({"method": "camera", "robust": True}, "no option of method 'camera'"),
        ({"method": "camera", "inter_gene_cor": 1.0}, "no correlation from 0 to below 1"),
        ({"method": "camera", "inter_gene_cor": nan}, "no correlation from 0 to below 1"),
        ({"method": "camera", "inter_gene_cor": "auto"}, "'estimate'"),
        ({"method": "camera_pr", "inter_gene_cor": "estimate"}, "not known"),
        ({"method": "camera", "use_ranks": "yes"}, "use_ranks='yes' is not known"),
        ({"method": "roast", "n_rotations": 0}, "no whole number"),
        ({"method": "roast", "set_statistic": "max"}, "'floormean'"),
        ({"method": "signflip", "covariates": ["age"]}, "takes no covariates"),
        ({"min_coverage": 50}, "not between 0 and 1"),
        ({"min_coverage": "half"}, "not between 0 and 1"),
        ({"key_added": "a/b"}, "no slug"),
        ({"signatures": ["A00"]}, "mapping"),
        ({"signatures": {"x": ["A00", "A00"]}}, "twice"),
        ({"signatures": {}}, "mapping"),
        ({"signatures": exo.sig.SignatureSet([])}, "no signature to test"),
        ({"several": "mean"}, "neither 'error' nor 'first'"),
        ({"control": "XX"}, "none of the arms"),
        ({"var": pd.DataFrame()}, "goes with a result frame"),
    ],
)
def test_bad_calls(trial: ad.AnnData, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        exo.tl.enrich(full(trial), options.pop("signatures", SETS), **options)
    assert "enrichment" not in trial.uns


TABLE = pd.DataFrame({"feature": list("ABCDEFGHIJKLMNOP"), "statistic": np.arange(16.0) - 8})


@pytest.mark.parametrize(
    ("frame", "options", "error", "words"),
    [
        (TABLE, {"method": "camera"}, UsageError, "Say method='camera_pr'"),
        (TABLE, {"method": "signflip"}, UsageError, "needs the samples"),
        (TABLE, {"control": "CON"}, UsageError, "'control' cannot go with a frame"),
        (TABLE, {"trend": True}, UsageError, "'trend' cannot go with a frame"),
        (TABLE.rename(columns={"feature": "gene"}), {}, InputError, "no column 'feature'"),
        (TABLE.iloc[:0], {}, InputError, "no rows"),
        (TABLE[["feature"]], {}, InputError, "no statistic with a direction"),
        (pd.concat([TABLE, TABLE]), {}, InputError, "'A', 'B', .* stand twice"),
        (TABLE.assign(statistic="x"), {}, InputError, "holds text"),
        (TABLE.assign(p_value=2.0), {}, InputError, "not in 0..1"),
        (TABLE.assign(p_value=0.0), {}, InputError, "no normal deviate"),
        (TABLE.assign(estimate=1.0, se=-1.0), {}, InputError, "negative"),
        (TABLE.assign(contrast=[None] * 16), {}, InputError, "no contrast"),
        (TABLE.assign(feature=[None] * 16), {}, InputError, "no feature"),
        (TABLE, {"var": ["A"]}, UsageError, "Give adata.var"),
        (TABLE, {"var": pd.DataFrame(index=["Q"])}, InputError, "None of the features"),
        (TABLE, {"var": pd.DataFrame(index=["A", "A"])}, InputError, "stand twice"),
    ],
)
def test_bad_frames(frame: pd.DataFrame, options: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        exo.tl.enrich(frame, {"s": ["A", "B"]}, **{"method": "camera_pr", **options})


def test_units_and_samples(trial: ad.AnnData) -> None:
    trial.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(exo.errors.UnitsError, match="tl.enrich needs values on a log scale"):
        enrich(trial, "signflip")
    with pytest.raises(UsageError, match="not an AnnData"):
        exo.tl.enrich("cohort.h5ad", SETS)
    trial.uns["exerkine"]["units"] = "NPX"
    trial.var["gene_symbol"] = ["IL6", "IL6", *(f"G{i}" for i in range(28))]
    with pytest.raises(InputError, match="several='first'"):
        exo.tl.enrich(trial, method="signflip")


def test_every_status_and_option_is_explained() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "enrich.md").read_text(encoding="utf-8")
    code = "".join(
        (root / "exerkine_omics" / "tl" / f"_enrich_{name}.py").read_text(encoding="utf-8")
        for name in ("sets", "matrix", "flip", "frame")
    )
    told = set(re.findall(r'"((?:no|not|fewer) [a-z0-9 ]+)"', code))
    assert {"no residual df", "not measured", "no pairs"} <= told
    assert not [status for status in sorted(told) if f"`{status}" not in page]
    for name, method in SET_METHODS.items():
        assert f"`{name}`" in page
        assert all(re.search(rf"`{option}\b", page) for option in method.options), name
    assert not [c for c in COLUMNS if not re.search(rf"\b{c}\b", page)]


@pytest.mark.real_data
def test_ultramarathon(data_dir: Path) -> None:
    """Six cytokines with gaps: flips of persons have an answer, whole columns have none."""
    adata = exo.datasets.load("ultramarathon_50km")
    exo.pp.log2(adata)
    frame = exo.tl.enrich(adata, method="signflip", min_coverage=0.4)
    finish = row(frame, "il6_anti_inflammatory_cascade", "finish_50km - pre")
    assert finish["direction"] == "up" and finish["estimate"] > 1 and finish["leading"] == "IL6"
    assert finish["p_value_mixed"] <= 0.05 and finish["n_measured"] == 3
    rest = row(frame, "il6_anti_inflammatory_cascade", "post_24h - pre")
    assert rest["p_value"] > 0.5 and abs(rest["estimate"]) < 0.3
    with pytest.warns(ExerkineWarning, match="takes features without NaN: 0 of 6"):
        frame = exo.tl.enrich(adata, method="fry", min_coverage=0.4)
    assert set(frame["status"]) == {"no complete feature"}


def test_dropped_members_do_not_stand_in_the_order_of_the_features(trial: ad.AnnData) -> None:
    holed = full(trial)
    holed.X[0, [2, 0, 3]] = nan
    one = row(enrich(holed, "fry", {"up": UP}, min_coverage=0.1), "up")["dropped"]
    turned = holed[:, ::-1].copy()
    two = row(enrich(turned, "fry", {"up": UP}, min_coverage=0.1), "up")["dropped"]
    assert one == two == "A00; A02; A03"


def test_table_without_spread_and_with_infinite_numbers() -> None:
    names = [f"A{i:02d}" for i in range(30)]
    table = pd.DataFrame({"feature": names, "statistic": 0.0})
    frame = exo.tl.enrich(table, {"up": UP}, method="camera_pr")
    assert frame["status"].to_list() == ["statistics do not vary"]
    assert frame["p_value"].isna().all()
    table["statistic"] = np.random.default_rng(0).normal(size=30)
    told = exo.tl.enrich(table.assign(n_pairs=np.inf), {"up": UP}, method="camera_pr")
    assert told["n_pairs"].to_list() == [0]
    table.loc[3, "statistic"] = np.inf
    with pytest.raises(InputError, match="Statistics of 'A03' are infinite"):
        exo.tl.enrich(table, {"up": UP}, method="camera_pr")


def test_coverage_is_no_flag(trial: ad.AnnData) -> None:
    with pytest.raises(UsageError, match="min_coverage=True"):
        enrich(trial, "fry", min_coverage=True)
