"""`tl.score_confounders`: against statsmodels' OLS, its properties, and what it must refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo

COLUMNS = (
    "signature contrast confounder estimate se p_value adjusted_estimate adjusted_se "
    "adjusted_p_value ci_low ci_high df slope slope_p_value r confounder_change extrapolated "
    "n_people adjusted_for n_shared shared status"
).split()
ADJUSTED = "adjusted_estimate adjusted_se adjusted_p_value ci_low ci_high slope_p_value r".split()
NUMBERS = ["estimate", "se", "p_value", *ADJUSTED, "slope", "df", "confounder_change"]
NAMES = ("immune_origin", "haemolysis", "muscle_leak")


def changes(n: int = 22, seed: int = 0, slopes: tuple[float, float] = (0.8, -0.3)) -> pd.DataFrame:
    """One frame of two arms: a signature that follows two confounders, with gaps."""
    rng = np.random.default_rng(seed)
    arm = np.where(np.arange(n) % 2 == 0, "EE", "CON")
    x = rng.normal(0.4, 1, (n, 2)) + 0.5 * (arm == "EE")[:, None]
    y = 0.7 * (arm == "EE") + x @ np.array(slopes) + rng.normal(0, 0.5, n)
    y[3], x[4, 0] = np.nan, np.nan
    parts = []
    for name, values in zip(NAMES, (y, x[:, 0], x[:, 1]), strict=True):
        parts.append(
            pd.DataFrame(
                {
                    "subject_id": [f"P{i:02d}" for i in range(n)],
                    "arm": arm,
                    "signature": name,
                    "timepoint": "post",
                    "baseline": "pre",
                    "change": values,
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    frame["signature"] = pd.Categorical(frame["signature"], NAMES)
    frame["std_change"] = frame["change"] / 2
    return frame


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    table = frame.pivot(index="subject_id", columns="signature", values="change")
    table.columns = list(map(str, table.columns))
    return table.join(frame.drop_duplicates("subject_id").set_index("subject_id")["arm"])


def row(frame: pd.DataFrame, contrast: str, confounder: str) -> pd.Series:
    return frame[(frame["contrast"] == contrast) & (frame["confounder"] == confounder)].iloc[0]


# ---- by hand


@pytest.mark.quick
@pytest.mark.parametrize("label", ["haemolysis", "muscle_leak", "jointly"])
@pytest.mark.parametrize("contrast", ["EE: post - pre", "EE - CON: post - pre"])
def test_is_ordinary_least_squares(label: str, contrast: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    frame = exo.tl.score_confounders(changes(), control="CON", variance="pooled")
    assert list(frame.columns) == COLUMNS and set(frame["status"]) == {"ok"}
    got = row(frame, contrast, label)
    names = ["haemolysis", "muscle_leak"] if label == "jointly" else [label]
    table = wide(changes()).dropna(subset=["immune_origin", *names])
    base = pd.DataFrame({"const": 1.0}, index=table.index)
    wanted = "const"
    if " - CON" in contrast:
        base["EE"], wanted = (table["arm"] == "EE").astype(float), "EE"
    else:
        table, base = table[table["arm"] == "EE"], base[table["arm"] == "EE"]
    y = table["immune_origin"]
    plain = sm.OLS(y, base).fit()
    full = sm.OLS(y, base.join(table[names])).fit()
    expected = {
        "estimate": plain.params[wanted],
        "se": plain.bse[wanted],
        "p_value": plain.pvalues[wanted],
        "adjusted_estimate": full.params[wanted],
        "adjusted_se": full.bse[wanted],
        "adjusted_p_value": full.pvalues[wanted],
        "ci_low": full.conf_int().loc[wanted, 0],
        "ci_high": full.conf_int().loc[wanted, 1],
        "df": full.df_resid,
        "n_people": full.nobs,
    }
    if label == "jointly":
        f_test = full.compare_f_test(plain)
        expected |= {"slope_p_value": f_test[1], "r": np.sqrt(1 - full.ssr / plain.ssr)}
        assert np.isnan(got["slope"]) and np.isnan(got["confounder_change"])
        assert got["adjusted_for"] == "haemolysis; muscle_leak"
    else:
        t = full.tvalues[label]
        r = t / np.sqrt(t**2 + full.df_resid)
        expected |= {"slope": full.params[label], "slope_p_value": full.pvalues[label], "r": r}
        moved = got["estimate"] - got["slope"] * got["confounder_change"]
        assert got["adjusted_estimate"] == pytest.approx(moved, rel=1e-12)
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-10), name


def test_mean_change_is_that_of_score_test() -> None:
    frame = changes()
    frame.loc[frame["signature"] != "immune_origin", "change"] = np.arange(44) % 7 - 3.0
    got = exo.tl.score_confounders(frame, control="CON")
    tested = exo.tl.score_test(frame, control="CON").set_index(["feature", "contrast"])
    for contrast in ("EE: post - pre", "CON: post - pre", "EE - CON: post - pre"):
        expected = tested.loc[("immune_origin", contrast)]
        own = row(got, contrast, "muscle_leak")
        assert own["estimate"] == pytest.approx(expected["estimate"])
        assert own["se"] == pytest.approx(expected["se"])
        assert own["p_value"] == pytest.approx(expected["p_value"])
    names = list(dict.fromkeys(tested.reset_index()["contrast"]))
    assert list(got["contrast"].cat.categories) == names


def test_each_arm_has_its_own_variance() -> None:
    """The adjusted mean is linear in y: its variance is written out with each arm's residuals."""
    frame = changes()
    got = row(exo.tl.score_confounders(frame, control="CON"), "EE - CON: post - pre", "jointly")
    table = wide(frame).dropna()
    ee = (table["arm"] == "EE").to_numpy()
    x = np.column_stack([np.ones(len(ee)), ee, table[["haemolysis", "muscle_leak"]]]).astype(float)
    y = table["immune_origin"].to_numpy(float)
    weight = np.linalg.pinv(x)[1]
    rest = y - x @ np.linalg.pinv(x) @ y
    leverage = np.diag(x @ np.linalg.pinv(x))
    df = np.array([g.sum() - leverage[g].sum() for g in (ee, ~ee)])
    part = [
        rest[g] @ rest[g] / d * (weight[g] ** 2).sum() for g, d in zip((ee, ~ee), df, strict=True)
    ]
    assert df.sum() == pytest.approx(len(y) - 4)
    assert got["adjusted_estimate"] == pytest.approx(weight @ y)
    assert got["adjusted_se"] == pytest.approx(np.sqrt(sum(part)))
    assert got["df"] == pytest.approx(
        sum(part) ** 2 / sum(v**2 / d for v, d in zip(part, df, strict=True))
    )
    same = row(
        exo.tl.score_confounders(frame, control="CON", variance="pooled"),
        "EE - CON: post - pre",
        "jointly",
    )
    assert same["adjusted_estimate"] == pytest.approx(got["adjusted_estimate"])
    assert same["slope_p_value"] == pytest.approx(got["slope_p_value"])


def test_a_change_that_is_all_confounder_goes() -> None:
    """And one beside the confounder stays."""
    rng = np.random.default_rng(1)
    frame = changes(60)
    x = rng.normal(1, 1, 60)
    own = {"haemolysis": x, "muscle_leak": rng.normal(0, 1, 60)}
    own["immune_origin"] = 0.5 * x + rng.normal(0, 0.2, 60)
    for name, values in own.items():
        frame.loc[frame["signature"] == name, "change"] = values
    frame = frame.drop(columns="arm")
    got = exo.tl.score_confounders(frame)
    driven, other = (row(got, "post - pre", c) for c in ("haemolysis", "muscle_leak"))
    assert driven["p_value"] < 1e-6 < 0.05 < driven["adjusted_p_value"]
    assert driven["r"] > 0.8
    assert other["adjusted_estimate"] == pytest.approx(0.5, abs=0.15)


# ---- properties


def test_order_sign_and_scale() -> None:
    frame = changes()
    got = exo.tl.score_confounders(frame, control="CON")
    mixed = frame.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(exo.tl.score_confounders(mixed, control="CON"), got, rtol=1e-10)
    turned = frame.assign(change=-frame["change"])
    minus = exo.tl.score_confounders(turned, control="CON")
    for name in ("estimate", "adjusted_estimate", "confounder_change"):
        np.testing.assert_allclose(minus[name], -got[name])
    for name in ("se", "adjusted_se", "adjusted_p_value", "slope", "r"):
        np.testing.assert_allclose(minus[name], got[name])
    np.testing.assert_allclose(minus["ci_low"], -got["ci_high"])
    big = frame.assign(change=frame["change"] * 1e-9)
    small = exo.tl.score_confounders(big, control="CON")
    np.testing.assert_allclose(small["adjusted_p_value"], got["adjusted_p_value"])
    assert set(small["status"]) == {"ok"}


def test_swapped_arms_turn_the_sign() -> None:
    one, two = (exo.tl.score_confounders(changes(), control=c) for c in ("CON", "EE"))
    a, b = row(one, "EE - CON: post - pre", "jointly"), row(two, "CON - EE: post - pre", "jointly")
    assert a["adjusted_estimate"] == pytest.approx(-b["adjusted_estimate"])
    assert a["ci_low"] == pytest.approx(-b["ci_high"])


def test_units_of_the_confounder_are_free() -> None:
    frame = changes()
    got = exo.tl.score_confounders(frame, control="CON")
    leak = frame["signature"] == "muscle_leak"
    frame["change"] = frame["change"].mask(leak, frame["change"] * 1e6)
    again = exo.tl.score_confounders(frame, control="CON")
    for name in ADJUSTED:
        np.testing.assert_allclose(again[name], got[name], rtol=1e-8)


def test_nan_person_is_an_absent_one() -> None:
    frame = changes()
    own = (frame["subject_id"] == "P06") & (frame["signature"] == "haemolysis")
    empty = frame.assign(change=frame["change"].mask(own))
    one = exo.tl.score_confounders(empty, control="CON")
    pd.testing.assert_frame_equal(one, exo.tl.score_confounders(frame[~own], control="CON"))
    pair = [row(one, "EE: post - pre", c)["n_people"] for c in ("haemolysis", "muscle_leak")]
    # P04 (EE) lacks haemolysis too, P03 (CON) the signature
    assert pair == [9, 11]
    assert row(one, "EE: post - pre", "jointly")["n_people"] == 9


@pytest.mark.parametrize(("label", "needed"), [("haemolysis", 4), ("jointly", 5)])
def test_too_few_people(label: str, needed: int) -> None:
    frame = changes().drop(columns="arm").dropna()
    people = sorted(set(frame["subject_id"]) - {"P03", "P04"})
    for n, enough in ((needed, True), (needed - 1, False)):
        few = frame[frame["subject_id"].isin(people[:n])]
        got = row(exo.tl.score_confounders(few), "post - pre", label)
        assert got["status"] == ("ok" if enough else f"fewer than {needed} people")
        assert np.isfinite(got["estimate"])
        assert np.isfinite(got[ADJUSTED].to_numpy(float)).all() == enough


def replaced(frame: pd.DataFrame, name: str, values: np.ndarray | float) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[frame["signature"] == name, "change"] = values
    return frame


def test_what_cannot_be_adjusted_has_a_status() -> None:
    full = changes().assign(change=np.random.default_rng(2).normal(size=66))
    by_arm = (full[full["signature"] == NAMES[0]]["arm"] == "EE").to_numpy() * 1.0
    leak = full.loc[full["signature"] == "muscle_leak", "change"].to_numpy()
    cases = [
        (replaced(full, "haemolysis", 0.3), "haemolysis", "a confounder does not vary"),
        (replaced(full, "haemolysis", by_arm), "jointly", "does not vary within arms"),
        (replaced(full, "haemolysis", 3 * leak + 1), "jointly", "collinear"),
        (replaced(full, "immune_origin", 0.1), "haemolysis", "the signature does not vary"),
        (replaced(full, "immune_origin", leak / 3), "muscle_leak", "no residual variance"),
        (replaced(full, "haemolysis", np.nan), "haemolysis", "a confounder is not measured"),
        (replaced(full, "immune_origin", np.nan), "haemolysis", "the signature is not measured"),
    ]
    for frame, label, words in cases:
        found = exo.tl.score_confounders(frame, control="CON")
        got = row(found, "EE - CON: post - pre", label)
        assert words in got["status"], words
        assert np.isnan(got[ADJUSTED].to_numpy(float)).all(), words


def test_a_set_that_is_not_measured_does_not_spoil_the_rest() -> None:
    """`jointly` is of those measured, and says which."""
    three = pd.concat([changes(), changes().query("signature == 'muscle_leak'")])
    three = three.reset_index(drop=True)
    three["signature"] = three["signature"].astype(str)
    three.loc[66:, "signature"], three.loc[66:, "change"] = "platelets_clotting", np.nan
    got = exo.tl.score_confounders(three, control="CON")
    absent = got[got["confounder"] == "platelets_clotting"]
    assert set(absent["status"]) == {"a confounder is not measured"}
    joint = got[got["confounder"] == "jointly"]
    assert set(joint["adjusted_for"]) == {"haemolysis; muscle_leak"}
    assert set(joint["status"]) == {"ok"}
    gone = replaced(changes(), "haemolysis", np.nan)
    got = exo.tl.score_confounders(gone, control="CON")
    assert set(got["confounder"]) == {"haemolysis", "muscle_leak"}


def test_extrapolation_is_said() -> None:
    far = changes()
    own = far["signature"] == "haemolysis"
    far["change"] = far["change"].mask(own, far["change"] + 10)
    got = exo.tl.score_confounders(far, control="CON").set_index(["contrast", "confounder"])
    said = got["extrapolated"]
    assert said["EE: post - pre", "haemolysis"] and said["EE: post - pre", "jointly"]
    assert not said["EE: post - pre", "muscle_leak"]
    assert not said["EE - CON: post - pre", "haemolysis"]
    far["change"] = far["change"].mask(own & (far["arm"] == "EE"), far["change"] + 90)
    got = exo.tl.score_confounders(far, control="CON").set_index(["contrast", "confounder"])
    assert got.loc[("EE - CON: post - pre", "haemolysis"), "extrapolated"]


def test_shared_members() -> None:
    sets = {"immune_origin": ["A", "B", "C"], "haemolysis": ["C", "B"], "muscle_leak": {"Z": 1.0}}
    got = exo.tl.score_confounders(
        changes(), confounders=["haemolysis", "muscle_leak"], signatures=sets
    )
    own = got[got["contrast"] == "EE: post - pre"].set_index("confounder")
    assert own["n_shared"].to_dict() == {"haemolysis": 2, "muscle_leak": 0, "jointly": 2}
    assert own.loc["jointly", "shared"] == "B; C"
    del sets["muscle_leak"]
    got = exo.tl.score_confounders(changes(), confounders="muscle_leak", signatures=sets)
    assert set(got["signature"]) == {"immune_origin", "haemolysis"}
    assert got["n_shared"].isna().all() and set(got["shared"]) == {""}
    shipped = exo.sig.load()
    both = {m.exerkine_id for m in shipped["immune_origin"].members} & {
        m.exerkine_id for m in shipped["haemolysis"].members
    }
    got = exo.tl.score_confounders(changes())
    assert row(got, "EE: post - pre", "haemolysis")["n_shared"] == len(both)


def test_from_adata_to_frame_and_back(round_trip) -> None:
    adata = exo.datasets.simulate(30, seed=2).adata
    names = ("il6_anti_inflammatory_cascade", "muscle_leak", "haemolysis")
    sets = exo.sig.load()
    chosen = exo.sig.SignatureSet([sets[n] for n in names])
    frame = exo.tl.score_change(adata, chosen)
    got = exo.tl.score_confounders(frame, control="CON")
    assert set(got["signature"]) == {"il6_anti_inflammatory_cascade"}
    adata.uns["confounders"] = got
    back = round_trip(adata)
    again = exo.tl.score_confounders(back.uns["score_change"], control="CON")
    pd.testing.assert_frame_equal(again, got)
    np.testing.assert_allclose(back.uns["confounders"]["slope"], got["slope"])


# ---- what it must refuse


def stretched(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[:2]])


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        (lambda f: f.to_numpy(), {}, "InputError", "ndarray"),
        (lambda f: f.drop(columns="change"), {}, "InputError", "no column 'change'"),
        (lambda f: f.iloc[:0], {}, "InputError", "no rows"),
        (lambda f: f.assign(change="x"), {}, "InputError", "not numeric"),
        (lambda f: f.assign(change=np.inf), {}, "InputError", "infinite"),
        (stretched, {}, "InputError", "twice"),
        (lambda f: f.assign(subject_id=None), {}, "InputError", "no subject_id"),
        (lambda f: f.assign(baseline=["pre", "w0"] * 33), {}, "InputError", "one baseline"),
        (lambda f: f.assign(arm=["EE"] * 30 + ["CON"] * 36), {}, "InputError", "more than one arm"),
        (lambda f: f[f["signature"] != "immune_origin"], {}, "InputError", "no other signature"),
        (lambda f: f[f["signature"] == "immune_origin"], {}, "InputError", "marked as"),
        (lambda f: f, {"confounders": ["dilution"]}, "InputError", "no signature 'dilution'"),
        (lambda f: f, {"confounders": []}, "UsageError", "names no set"),
        (lambda f: f, {"confounders": ["haemolysis"] * 2}, "UsageError", "twice"),
        (lambda f: f, {"control": "REST"}, "UsageError", "none of the arms"),
        (lambda f: f.drop(columns="arm"), {"control": "CON"}, "UsageError", "none of the arms"),
        (lambda f: f, {"signatures": ["haemolysis"]}, "UsageError", "mapping"),
        (lambda f: f, {"variance": "HC3"}, "UsageError", "neither"),
    ],
)
def test_bad_input(change, options: dict, error: str, words: str) -> None:
    with pytest.raises(getattr(exo.errors, error), match=words):
        exo.tl.score_confounders(change(changes()), **options)


# ---- what p is worth (docs/signature_drivers.md)


def rejected(
    n: tuple[int, int],
    spread: tuple[float, float],
    variance: str = "arm",
    *,
    cohorts: int,
    seed: int = 0,
) -> float:
    """Share of cohorts in which `EE - CON`, adjusted, is called although nothing is there."""
    frame = changes(sum(n)).assign(arm=(["EE"] * n[0] + ["CON"] * n[1]) * 3)
    rng = np.random.default_rng(seed)
    noise = np.repeat(spread, n)
    found = []
    for _ in range(cohorts):
        x = rng.normal(0, 1, (2, sum(n))) + 0.5 * (np.arange(sum(n)) < n[0])
        y = x.T @ [0.6, 0.3] + noise * rng.normal(size=sum(n))
        drawn = frame.assign(change=np.concatenate([y, *x]))
        got = exo.tl.score_confounders(drawn, control="CON", variance=variance)
        found.append(row(got, "EE - CON: post - pre", "jointly")["adjusted_p_value"] < 0.05)
    return float(np.mean(found))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "spread"), [((10, 14), (1.0, 1.0)), ((8, 16), (2.0, 1.0)), ((16, 8), (2.0, 1.0))]
)
def test_type_one_error(n: tuple[int, int], spread: tuple[float, float]) -> None:
    """Within four standard errors of 5%, unequal arms of unequal spread included."""
    rate = rejected(n, spread, cohorts=400)
    assert abs(rate - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.slow
def test_pooled_variance_is_not_for_unequal_arms() -> None:
    """Why ``variance="arm"`` is the default; the small arm varies most."""
    assert rejected((8, 16), (2.0, 1.0), "pooled", cohorts=300) > 0.06
