"""Joint tests, moderators, a shared baseline, own cells and moderation, against R.

tests/reference/lmm_more: fixture.R (lmerTest, pbkrtest, limma) and check.py, which recomputes the
same answers with n x n matrices to 1e-7 (df 4e-6): that is what the tolerances here rest on.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import UsageError

REFERENCE = Path(__file__).parents[1] / "reference"
MORE = REFERENCE / "lmm_more"
JOINT = ("one_n6", "one_n14", "arms_n6", "arms_n14", "arms_n100", "singular")
DDF = (("satterthwaite", ""), ("kenward-roger", "_kr"))
KEYS = ["contrast", "feature"]
NO_ESTIMATE = ["estimate", "se", "ci_low", "ci_high", "effect_size"]

ONE_ARM: dict[str, str | list[str]] = {
    "post - pre": "post - pre",
    "late - pre": "late - pre",
    "any change": ["post - pre", "late - pre"],
}
EE, CON = ([f"{a}.post - {a}.pre", f"{a}.late - {a}.pre"] for a in ("EE", "CON"))
EE_CON = [f"({e}) - ({c})" for e, c in zip(EE, CON, strict=True)]
TWO_ARMS: dict[str, str | list[str]] = {
    "EE: post - pre": EE[0],
    "EE: late - pre": EE[1],
    "CON: post - pre": CON[0],
    "CON: late - pre": CON[1],
    "EE - CON: post - pre": EE_CON[0],
    "EE - CON: late - pre": EE_CON[1],
    "EE: any change": EE,
    "CON: any change": CON,
    "arm x time": EE_CON,
}


def cohort(case: str) -> ad.AnnData:
    matrix = pd.read_csv(MORE / f"{case}_matrix.csv", index_col=0)
    samples = pd.read_csv(MORE / f"{case}_samples.csv").set_index("sample").loc[matrix.index]
    times = [t for t in ("pre", "post", "late") if t in set(samples["time"])]
    obs = samples[["hours", "age", "sex"]].assign(subject_id=samples["subject"])
    obs["timepoint"] = pd.Categorical(samples["time"], times, ordered=True)
    if samples["arm"].nunique() > 1:
        obs["arm"] = pd.Categorical(samples["arm"])
    adata = ad.AnnData(matrix.to_numpy(float), obs=obs, var=pd.DataFrame(index=matrix.columns))
    adata.uns["exerkine"] = {"units": "NPX", "baseline": "pre"}
    return adata


def answers(case: str, suffix: str = "") -> pd.DataFrame:
    """R's answers; ``_kr`` takes Kenward-Roger's columns for Satterthwaite's."""
    frame = pd.read_csv(MORE / f"{case}_lmer.csv").set_index(KEYS)
    if suffix:
        for column in ("se", "statistic", "df"):
            frame[column] = frame[column + suffix]
        frame["p_value"] = frame["p_kr"]
    return frame[["kind", "estimate", "se", "statistic", "df", "p_value"]]


def indexed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"contrast": str, "feature": str}).set_index(KEYS)


def assert_equals(frame: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same contrasts and features, and on each row the numbers of R."""
    ours = indexed(frame)
    assert not ours.index.duplicated().any()
    assert set(ours.index) == set(expected.index)
    ours = ours.loc[expected.index]
    assert (ours["status"] == "ok").all()
    t, f = (expected["kind"] == "t").to_numpy(), (expected["kind"] == "F").to_numpy()
    assert (t | f).all()
    np.testing.assert_allclose(ours.loc[t, "estimate"], expected.loc[t, "estimate"], atol=1e-7)
    np.testing.assert_allclose(ours.loc[t, "se"], expected.loc[t, "se"], rtol=1e-6)
    assert ours.loc[f, NO_ESTIMATE].isna().all(axis=None)
    assert ours.loc[t, NO_ESTIMATE].notna().all(axis=None)
    np.testing.assert_allclose(ours["statistic"], expected["statistic"], rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(ours["df"], expected["df"], rtol=1e-5)
    np.testing.assert_allclose(np.log10(ours["p_value"]), np.log10(expected["p_value"]), atol=1e-5)


def questions(adata: ad.AnnData) -> dict[str, str | list[str]]:
    return TWO_ARMS if "arm" in adata.obs else ONE_ARM


# ---- against lmerTest and pbkrtest


@pytest.mark.parametrize("case", JOINT)
@pytest.mark.parametrize(("ddf", "suffix"), DDF)
def test_joint_tests(case: str, ddf: str, suffix: str) -> None:
    adata, expected = cohort(case), answers(case, suffix)
    assert_equals(exo.tl.differential(adata, contrasts=questions(adata), ddf=ddf), expected)


@pytest.mark.parametrize("case", ["one_n6", "one_n14", "arms_n6", "arms_n14", "arms_n100"])
@pytest.mark.parametrize(("ddf", "suffix"), DDF)
def test_joint_tests_without_a_missing_cell(case: str, ddf: str, suffix: str) -> None:
    adata, expected = cohort(case), answers(case, suffix)
    complete = adata[:, adata.var_names.str.startswith("C")].copy()
    assert np.isfinite(complete.X).all()
    expected = expected[expected.index.get_level_values("feature").isin(complete.var_names)]
    assert_equals(exo.tl.differential(complete, contrasts=questions(complete), ddf=ddf), expected)


@pytest.mark.parametrize(("ddf", "suffix"), DDF)
@pytest.mark.parametrize(("case", "moderators"), [("age", ["age"]), ("age_sex", ["age", "sex"])])
def test_moderators(case: str, moderators: list[str], ddf: str, suffix: str) -> None:
    """Changes at the mean person, and their slopes in the moderator's own unit."""
    adata, expected = cohort(case), answers(case, suffix)
    frame = exo.tl.differential(adata, moderators=moderators, control="CON", ddf=ddf)
    assert_equals(frame, expected[expected["kind"] == "t"])


@pytest.mark.parametrize(("ddf", "suffix"), DDF)
def test_joint_tests_of_slopes(ddf: str, suffix: str) -> None:
    adata, expected = cohort("age"), answers("age", suffix)
    frame = exo.tl.differential(adata, moderators=["age"], contrasts=TWO_ARMS, ddf=ddf)
    assert_equals(frame, expected)


@pytest.mark.parametrize(("ddf", "suffix"), DDF)
def test_constrained_baseline(ddf: str, suffix: str) -> None:
    adata, expected = cohort("constrained"), answers("constrained", suffix)
    frame = exo.tl.differential(adata, baseline="constrained", control="CON", ddf=ddf)
    t = expected[expected["kind"] == "t"]
    assert_equals(frame, t)
    free = indexed(exo.tl.differential(adata, baseline="free", control="CON", ddf=ddf))
    default = indexed(exo.tl.differential(adata, control="CON", ddf=ddf))
    pd.testing.assert_frame_equal(free, default)
    assert (free.loc[t.index, "estimate"] - t["estimate"]).abs().max() > 0.01
    joint = {"arm x time": EE_CON}
    frame = exo.tl.differential(adata, baseline="constrained", contrasts=joint, ddf=ddf)
    assert_equals(frame, expected[expected["kind"] == "F"])


@pytest.mark.parametrize(("ddf", "suffix"), DDF)
def test_time_varying_covariate(ddf: str, suffix: str) -> None:
    adata, expected = cohort("covariate_n100"), answers("covariate_n100", suffix)
    frame = exo.tl.differential(adata, covariates=["hours"], control="CON", ddf=ddf)
    assert_equals(frame, expected)


@pytest.mark.parametrize(("ddf", "suffix"), DDF)
def test_each_contrast_on_its_own_cells(ddf: str, suffix: str) -> None:
    expected = answers("own_cells", suffix)
    frame = exo.tl.differential(cohort("own_cells"), variance="contrast", ddf=ddf)
    assert_equals(frame, expected)
    with pytest.warns(exo.errors.ExerkineWarning, match="C04"):
        pooled = indexed(exo.tl.differential(cohort("own_cells"), ddf=ddf))
    assert (pooled.loc["post - pre", "se"] / expected.loc["post - pre", "se"]).median() > 1.5


@pytest.mark.parametrize("kind", ["t", "F"])
@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_moderation_on_complete_data_is_limma_s(ddf: str, kind: str) -> None:
    """Complete and not singular: s2 and df are the fixed block's, so the prior is limma's too."""
    limma = pd.read_csv(MORE / "moderated_limma.csv").set_index(KEYS)
    expected = limma[limma["kind"] == kind]
    asked = {k: v for k, v in ONE_ARM.items() if isinstance(v, str) == (kind == "t")}
    adata = cohort("moderated")
    frame = exo.tl.differential(adata, contrasts=asked, moderate=True, ddf=ddf)
    assert_equals(frame, expected)
    plain = exo.tl.differential(adata, contrasts=asked, moderate=False, ddf=ddf)
    np.testing.assert_allclose(plain["df"], expected["df_residual"], rtol=1e-5)
    assert (frame["df"] > plain["df"] + 1).all()


def test_the_trial_of_the_notebook() -> None:
    folder = REFERENCE / "trial"
    matrix = pd.read_csv(folder / "trial_matrix.csv", index_col=0)
    samples = pd.read_csv(folder / "trial_samples.csv", index_col="sample_id")
    adata = exo.io.from_frames(
        matrix,
        samples,
        subject="subject_id",
        timepoint="timepoint",
        baseline="pre",
        arm="arm",
        units="NPX",
        modality="proteomics",
        timepoint_order=["pre", "post", "week12"],
    )
    expected = pd.read_csv(folder / "trial_lmer.csv").set_index(KEYS)
    expected["kind"] = np.where(expected["estimate"].isna(), "F", "t")
    single = expected["kind"] == "t"
    assert_equals(exo.tl.differential(adata, control="CON"), expected[single])
    by_arm = [f"(EE.{t} - EE.pre) - (CON.{t} - CON.pre)" for t in ("post", "week12")]
    assert_equals(exo.tl.differential(adata, contrasts={"arm x time": by_arm}), expected[~single])


# ---- properties


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger", "residual"])
def test_a_joint_test_of_one_row_is_the_square_of_t(ddf: str) -> None:
    asked = {"t": EE_CON[0], "F": [EE_CON[0]]}
    frame = indexed(exo.tl.differential(cohort("arms_n14"), contrasts=asked, ddf=ddf))
    t, f = frame.loc["t"], frame.loc["F"]
    np.testing.assert_allclose(f["statistic"], t["statistic"] ** 2, rtol=1e-8)
    np.testing.assert_allclose(f["df"], t["df"], rtol=1e-8)
    np.testing.assert_allclose(f["p_value"], t["p_value"], rtol=1e-6)


@pytest.mark.parametrize("case", ["one_n14", "singular"])
@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_the_order_and_sign_of_joint_rows_are_free(case: str, ddf: str) -> None:
    one, two = EE if case == "singular" else ["post - pre", "late - pre"]
    asked = {"a": [one, two], "b": [two, one], "c": [f"-({two})", one]}
    frame = indexed(exo.tl.differential(cohort(case), contrasts=asked, ddf=ddf))
    for left, right in pairwise("abc"):
        for column in ("statistic", "df", "p_value"):
            np.testing.assert_allclose(frame.loc[left, column], frame.loc[right, column], rtol=1e-7)


def test_rows_that_span_the_same_changes_give_one_kenward_roger_f() -> None:
    asked = {"a": ["post - pre", "late - pre"], "b": ["late - post", "2 * (post - pre)"]}
    frame = indexed(exo.tl.differential(cohort("one_n14"), contrasts=asked))
    for column in ("statistic", "df", "p_value"):
        np.testing.assert_allclose(frame.loc["a", column], frame.loc["b", column], rtol=1e-7)


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("arms_n14", {"contrasts": TWO_ARMS}),
        ("age", {"contrasts": TWO_ARMS, "moderators": ["age"]}),
        ("constrained", {"contrasts": TWO_ARMS, "baseline": "constrained"}),
        ("arms_n14", {"contrasts": TWO_ARMS, "moderate": True}),
        ("own_cells", {"contrasts": ONE_ARM, "variance": "contrast"}),
    ],
)
def test_order_shift_and_absent_rows(case: str, options: dict, round_trip) -> None:
    adata = cohort(case)
    reference = indexed(exo.tl.differential(adata, **options))
    assert set(indexed(round_trip(adata).uns["differential"]).index) == set(reference.index)
    rng = np.random.default_rng(0)
    shuffled = adata[rng.permutation(adata.n_obs), rng.permutation(adata.n_vars)].copy()
    moved = adata.copy()
    moved.X = moved.X + 1e5
    for other, tolerance in ((shuffled, 1e-8), (moved, 1e-4)):
        frame = indexed(exo.tl.differential(other, **options)).loc[reference.index]
        for column in ("estimate", "statistic", "df", "p_value"):
            np.testing.assert_allclose(
                frame[column], reference[column], rtol=tolerance, atol=tolerance * 1e-2
            )
    if "moderators" in options:  # a dropped row may drop a person from the moderator's mean
        return
    # NaN in all of a sample is the sample absent; moderation squeezes over the same features
    emptied = adata.copy()
    emptied.X[[2, 7]] = np.nan
    dropped = adata[np.setdiff1d(np.arange(adata.n_obs), [2, 7])].copy()
    one, two = (indexed(exo.tl.differential(a, **options)) for a in (emptied, dropped))
    for column in ("statistic", "df", "p_value", "n_obs", "n_pairs"):
        np.testing.assert_allclose(one[column], two[column], rtol=1e-9, atol=1e-10)


def test_the_unit_and_the_origin_of_a_moderator() -> None:
    """Slopes are per unit; means and t do not depend on the unit, and nothing on the origin."""
    adata = cohort("age")
    reference = indexed(exo.tl.differential(adata, moderators=["age"], control="CON"))
    slope = reference.index.get_level_values("contrast").str.endswith(" x age")
    assert slope.sum() == (~slope).sum() == 6 * adata.n_vars
    for per_year, origin in ((12.0, 0.0), (1e-6, 0.0), (1.0, 1e6), (365.25, -2e4)):
        other = adata.copy()
        other.obs["age"] = adata.obs["age"] * per_year + origin
        frame = indexed(exo.tl.differential(other, moderators=["age"], control="CON"))
        frame = frame.loc[reference.index]
        unit = np.where(slope, per_year, 1.0)
        np.testing.assert_allclose(frame["estimate"] * unit, reference["estimate"], atol=1e-6)
        np.testing.assert_allclose(frame["se"] * unit, reference["se"], rtol=1e-5)
        np.testing.assert_allclose(frame["df"], reference["df"], rtol=1e-5)


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
def test_the_mean_person_counts_once() -> None:
    """The centre is the mean over people: a feature's missing cells do not move it."""
    adata = cohort("age")
    asked = {"ee": "EE.post - EE.pre"}
    frame = indexed(exo.tl.differential(adata, moderators=["age"], contrasts=asked))
    age = adata.obs.drop_duplicates("subject_id")["age"].mean()
    assert abs(age - adata.obs["age"].mean()) > 0.1
    moved = adata.copy()
    moved.X = (
        moved.X
        + 0.1 * ((adata.obs["age"] - age) * (adata.obs["timepoint"] == "post")).to_numpy()[:, None]
    )
    after = indexed(exo.tl.differential(moved, moderators=["age"], contrasts=asked))
    np.testing.assert_allclose(after.loc["ee", "estimate"], frame.loc["ee", "estimate"], atol=1e-6)
    np.testing.assert_allclose(
        after.loc["ee x age", "estimate"], frame.loc["ee x age", "estimate"] + 0.1, atol=1e-6
    )


# ---- what is refused


@pytest.mark.parametrize(
    ("case", "options", "words"),
    [
        ("one_n14", {"baseline": "constrained"}, "no arms"),
        ("one_n14", {"contrasts": {"any": []}}, "empty"),
        ("one_n14", {"baseline": "shared"}, "baseline"),
        ("one_n14", {"variance": "own"}, "variance"),
        ("one_n14", {"method": "paired_t", "moderate": True}, "moderate"),
        ("one_n14", {"method": "paired_t", "variance": "contrast"}, "variance"),
        ("arms_n14", {"moderators": ["arm"]}, "moderate"),
        ("arms_n14", {"moderators": ["timepoint"]}, "moderate"),
        ("arms_n14", {"contrasts": {"any": ["EE.post - EE.pre", "EE.never - EE.pre"]}}, "never"),
    ],
)
def test_refused(case: str, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        exo.tl.differential(cohort(case), **options)


def test_a_joint_test_with_an_empty_cell_is_told() -> None:
    adata = cohort("arms_n14")
    gone = ((adata.obs["arm"] == "CON") & (adata.obs["timepoint"] == "late")).to_numpy()
    frame = indexed(exo.tl.differential(adata[~gone].copy(), contrasts=TWO_ARMS))
    lost = ["CON: late - pre", "EE - CON: late - pre", "CON: any change", "arm x time"]
    for name in TWO_ARMS:
        rows = frame.loc[name]
        assert (rows["status"] != "ok").all() if name in lost else (rows["status"] == "ok").all()
        numbers = rows[["statistic", "df", "p_value"]]
        assert numbers.isna().all(axis=None) if name in lost else numbers.notna().all(axis=None)
