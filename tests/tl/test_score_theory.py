"""What theory says of the scorers: the null, the change's test, the error over members.

Quick tests first; the simulations are slow. A share is compared within four standard errors.
tests/benchmarks/scores_real.py prints the tables of docs/scores_real.md with these functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.kernels._scorers import SCORERS

slow = pytest.mark.slow
EVERY = tuple(SCORERS)
OWN_BASELINE = ("baseline_z", "gsva")  # a feature's level does not count
LEVELS = tuple(m for m in EVERY if m not in OWN_BASELINE)


class Share(NamedTuple):
    """A share of ``n`` cases."""

    share: float
    n: int

    def error(self, expected: float) -> float:
        return 4 * float(np.sqrt(expected * (1 - expected) / self.n))

    def near(self, expected: float) -> bool:
        return abs(self.share - expected) < self.error(expected)


def below(p_value: np.ndarray, level: float = 0.05) -> Share:
    assert np.isfinite(p_value).all()
    return Share(float((p_value <= level).mean()), len(p_value))


def uniform(p_value: np.ndarray) -> bool:
    """Rates at 0.05 and 0.01, and the distance to the uniform distribution."""
    rates = below(p_value).near(0.05) and below(p_value, 0.01).near(0.01)
    return rates and stats.kstest(p_value, "uniform").pvalue > 1e-4


def cohort(values: np.ndarray) -> ad.AnnData:
    """People x 2 times x features as a cohort on a log2 scale."""
    n, k, p = values.shape
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i:03d}" for i in range(n)], k),
            "timepoint": pd.Categorical(["pre", "post"] * n, ["pre", "post"], ordered=True),
        },
        index=[f"s{i}" for i in range(n * k)],
    )
    var = pd.DataFrame(index=[f"f{i:04d}" for i in range(p)])
    adata = ad.AnnData(values.reshape(n * k, p), obs=obs, var=var)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


# ---- the matched null


@pytest.mark.parametrize("method", EVERY)
def test_a_stand_in_takes_the_weight_of_its_member(method: str) -> None:
    """Features of very different levels, each alike to 49 others: random sets are no different.

    A set of signed weights whose stand-ins got one another's weights would lie far outside.
    """
    rng = np.random.default_rng(2)
    level = np.repeat([4.0, 7.0, 10.0, 13.0, 16.0, 19.0], 50)
    adata = cohort(level + rng.normal(0, 1, (10, 2, 300)))
    # from the highest to the lowest: not in the order of the features
    sets = {"a": {f"f{i:04d}": w for i, w in ((275, 1.0), (230, -1.0), (120, 0.5), (10, -2.0))}}
    exo.tl.score(adata, sets, method=method, n_permutations=199)
    z = adata.obsm[f"score_null_z_{method}"]["a"]
    assert abs(z.mean()) < 2 and z.abs().max() < 5


def test_two_members_on_one_feature() -> None:
    """Calprotectin is one measurement of two genes: it carries the weights of both, once."""
    adata = cohort(np.random.default_rng(0).normal(8, 1, (6, 2, 300)))
    adata.uns["exerkine"]["modality"] = "proteomics"
    accessions = {5: "P05109|P06702", 9: "P18510", 2: "P05164"}
    adata.var["uniprot"] = [accessions.get(i, "") for i in range(300)]
    immune = exo.sig.load().query(modality="proteomics")
    exo.tl.score(adata, immune, min_coverage=0.01, n_permutations=99)
    got = {k: adata.obsm[f"{k}_baseline_z"]["immune_origin"] for k in ("score", "score_null_p")}
    assert got["score_null_p"].between(0, 1).all()
    # half and half for S100A8 and S100A9, one for IL1RN, half for MPO
    exo.tl.score(adata, {"mine": {"f0005": 1.0, "f0009": 1.0, "f0002": 0.5}})
    np.testing.assert_allclose(got["score"], adata.obsm["score_baseline_z"]["mine"])


def test_the_null_does_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(3)
    adata = cohort(rng.normal(8, 2, 300) + rng.normal(size=(8, 2, 300)))
    sets = {"a": {"f0210": 1.0, "f0003": -1.0, "f0120": 0.5}}
    exo.tl.score(adata, sets, n_permutations=99)
    other = adata[rng.permutation(16), rng.permutation(300)].copy()
    exo.tl.score(other, {"a": dict(reversed(sets["a"].items()))}, n_permutations=99)
    for key in ("score_null_z_baseline_z", "score_null_p_baseline_z"):
        np.testing.assert_allclose(other.obsm[key].loc[adata.obs_names], adata.obsm[key])


def test_the_null_of_members_never_measured() -> None:
    """A column of nothing adds no stand-in; a panel of nothing gives no p."""
    rng = np.random.default_rng(4)
    adata = cohort(rng.normal(8, 2, 300) + rng.normal(size=(8, 2, 300)))
    adata.X[:, 7] = np.nan
    members = ["f0210", "f0003", "f0120"]
    found = []
    for extra in ([], ["f0007"]):
        exo.tl.score(adata, {"a": members + extra}, n_permutations=99)
        found.append(adata.obsm["score_null_z_baseline_z"]["a"])
    np.testing.assert_allclose(*found)
    adata.X[:] = np.nan
    exo.tl.score(adata, {"a": members}, n_permutations=99)
    assert adata.obsm["score_null_p_baseline_z"]["a"].isna().all()


# ---- the walk of GSVA


def test_gsva_of_a_member_in_the_very_middle() -> None:
    """Its step is |r - n / 2| = 0, and still the walk makes it: the score is about 0, not lost."""
    adata = cohort(np.random.default_rng(1).normal(8, 1, (10, 2, 40)))
    sets = {f"s{i}": {f"f{i:04d}": 1.0, f"f{i + 1:04d}": -1.0} for i in range(39)}
    sets |= {f"one{i}": {f"f{i:04d}": 1.0} for i in range(40)}
    with pytest.warns(exo.errors.ExerkineWarning, match="compares the members"):
        exo.tl.score(adata, sets, method="gsva", se=False)
    scores = exo.get.scores(adata, "gsva")
    assert scores.notna().all(axis=None)
    # by rank: from -1 to 1 without a hole at the middle
    one = np.sort(scores.loc["s0", [f"one{i}" for i in range(40)]])
    assert np.diff(one).max() < 3 / 39 and one[0] < -0.9 and one[-1] > 0.9


# ---- a planted change is found


PLANTED = {"strong": 0.6, "weak": 0.3, "mixed": 0.3}


def planted(seed: int, people: int = 40) -> tuple[ad.AnnData, dict[str, dict[str, float]]]:
    """Simulated trial, 400 proteins: 24 change in the arm that exercises, 8 a signature.

    Beside these signatures stand seven of 8 proteins that do not change, one of both signs.
    """
    empty = exo.datasets.simulate(4, n_proteins=400, n_metabolites=0, n_mirna=0, seed=0)
    known = empty.truth.effects
    changing = set(known.loc[known["log2_effect"] != 0, "feature"].astype(str))
    free = [n for n in empty.adata.var_names if n not in changing]
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(free)[:80].reshape(10, 8)
    names = [*PLANTED, *(f"none{i}" for i in range(6)), "none_mixed"]
    signs = {n: [1.0, -1.0] * 4 if "mixed" in n else [1.0] * 8 for n in names}
    sets = {
        n: dict(zip(row.tolist(), signs[n], strict=True))
        for n, row in zip(names, chosen, strict=True)
    }
    effects = dict.fromkeys(changing, 0.0)
    for name, size in PLANTED.items():
        effects |= {f: size * sign for f, sign in sets[name].items()}
    cohort = exo.datasets.simulate(
        people, n_proteins=400, n_metabolites=0, n_mirna=0, effects=effects, seed=seed
    )
    assert (cohort.truth.effects["log2_effect"] != 0).sum() == 24
    return cohort.adata, sets


def change_t(adata: ad.AnnData, sets: dict[str, dict[str, float]], method: str) -> pd.DataFrame:
    """T of the mean change, signatures x contrasts."""
    changes = exo.tl.score_change(adata, sets, method=method)
    tested = exo.tl.score_test(changes, control="CON").astype({"feature": str, "contrast": str})
    return tested.pivot(index="feature", columns="contrast", values="statistic").loc[list(sets)]


@pytest.mark.parametrize("method", EVERY)
def test_planted_signatures_stand_out(method: str) -> None:
    """0.6 log2 in one signature, 0.3 in two of them, 20 people an arm: every scorer finds them."""
    adata, sets = planted(0)
    t = change_t(adata, sets, method)
    names, others = list(PLANTED), [n for n in sets if n not in PLANTED]
    exercised, control = t["EE: post - pre"], t["CON: post - pre"]
    assert exercised[names].min() > 2 + exercised[others].abs().max()
    assert exercised["strong"] > exercised[["weak", "mixed"]].max()
    assert control[names].abs().max() < 3
    difference = t["EE - CON: post - pre"]
    assert difference[names].min() > difference[others].abs().max()


# ---- without an effect: the test of the change


def null_changes(
    method: str,
    n: int,
    icc: float,
    *,
    cohorts: int,
    together: float = 0.0,
    members: int = 10,
    sets: int = 60,
    elsewhere: bool = False,
) -> pd.DataFrame:
    """Test random signatures of signed weights in which nothing changes.

    ``icc`` is the share of the variance between people; ``together`` the correlation of a
    signature's members, signatures being independent of each other. ``elsewhere`` takes the
    reference from another cohort of the same people's kind.
    """
    rng = np.random.default_rng([17, EVERY.index(method), n, int(10 * icc), members])
    p = members * sets
    found = []

    def draw(*shape: int) -> np.ndarray:
        common = rng.normal(size=(*shape, sets, 1))
        own = rng.normal(size=(*shape, sets, members))
        mixed = np.sqrt(together) * common + np.sqrt(1 - together) * own
        return mixed.reshape(*shape, p)

    for _ in range(cohorts):
        level, sd = rng.normal(8, 2, p), np.exp(rng.normal(-0.5, 0.4, p))

        def visits(level: np.ndarray = level, sd: np.ndarray = sd) -> ad.AnnData:
            person, visit = draw(n, 1), draw(n, 2)
            return cohort(level + sd * (np.sqrt(icc) * person + np.sqrt(1 - icc) * visit))

        adata = visits()
        weights = rng.choice([1.0, -1.0, 0.5], p)
        names = adata.var_names
        signatures = {
            f"s{i}": {names[j]: float(weights[j]) for j in range(i * members, (i + 1) * members)}
            for i in range(sets)
        }
        reference = None
        if elsewhere:
            other = visits()
            exo.tl.score(other, signatures, se=False)
            reference = exo.get.score_reference(other)
        changes = exo.tl.score_change(adata, signatures, method=method, reference=reference)
        found.append(exo.tl.score_test(changes))
    return pd.concat(found, ignore_index=True)


def shrunken_variance(n: int, icc: float) -> float:
    r"""Expected squared SE of `baseline_z`'s mean change over its true variance.

    The SDs that scale the members come from the same n baselines as the changes: a member whose
    baseline spread is too small by chance weighs more, and its changes spread too little.

    .. math:: E(s_\Delta^2 / s_0^2) / E(\sigma_\Delta^2 / s_0^2) = 1 - (1 - ICC) / (n - 1)

    follows from the regression of the change on the baseline, whose slope is ICC - 1.
    """
    return 1 - (1 - icc) / (n - 1)


def baseline_z_rate(n: int, icc: float, level: float = 0.05) -> float:
    """Type I error that follows, in signatures of many members."""
    shrink = np.sqrt(shrunken_variance(n, icc))
    return float(2 * stats.t.sf(stats.t.isf(level / 2, n - 1) * shrink, n - 1))


def variance_ratio(tested: pd.DataFrame) -> tuple[float, float]:
    """Mean squared SE over the variance of the estimates, and four standard errors of it."""
    # the true mean change is 0
    ratio = (tested["se"] ** 2).mean() / (tested["estimate"] ** 2).mean()
    return float(ratio), 4 * float(ratio * np.sqrt(2 / len(tested)))


@slow
@pytest.mark.parametrize("method", EVERY)
def test_change_without_effect(method: str) -> None:
    """20 people, two thirds of the variance between them, members that go together or not."""
    assert baseline_z_rate(20, 0.7) == pytest.approx(0.0517, abs=1e-4)
    for together in (0.0, 0.6):
        tested = null_changes(method, 20, 0.7, cohorts=40, together=together)
        p_value = tested["p_value"].to_numpy()
        assert len(p_value) == 2400
        assert uniform(p_value), (together, below(p_value), below(p_value, 0.01))


@slow
def test_baseline_z_of_few_people_is_liberal() -> None:
    """Its reference comes from the people tested; one from elsewhere gives 5%."""
    assert baseline_z_rate(8, 0.0) == pytest.approx(0.0648, abs=1e-4)
    for icc in (0.0, 0.8):
        tested = null_changes("baseline_z", 8, icc, cohorts=100, members=30)
        ratio, error = variance_ratio(tested)
        assert abs(ratio - shrunken_variance(8, icc)) < error
        assert below(tested["p_value"].to_numpy()).near(baseline_z_rate(8, icc))
        assert icc or ratio + error < 1
    other = null_changes("baseline_z", 8, 0.0, cohorts=60, members=30, elsewhere=True)
    ratio, error = variance_ratio(other)
    assert abs(ratio - 1) < error and below(other["p_value"].to_numpy()).near(0.05)


# ---- without an effect: random sets in one sample


def null_p(
    method: str, kind: str, *, cohorts: int = 6, levels: bool = True, n: int = 6
) -> tuple[np.ndarray, np.ndarray]:
    """Matched p in one sample, and p against sets of any features; 1500 features.

    ``kind`` says from which features the 8 members of a signature are drawn: ``any``; ``high`` or
    ``variable``, the fifth of the highest mean or SD. ``together``: any, that go together in
    sets of 8. ``levels``: whether features differ in mean and SD.
    """
    features, k = 1500, 8
    matched, plain = [], []
    for number in range(cohorts):
        rng = np.random.default_rng([23, number, len(kind), levels])
        mean = rng.normal(8, 2, features) if levels else np.full(features, 8.0)
        sd = np.exp(rng.normal(-0.7, 0.4, features)) if levels else np.ones(features)
        values = rng.normal(size=(n, 2, features))
        if kind == "together":
            values = np.sqrt(0.5) * (
                values + np.repeat(rng.normal(size=(n, 2, 188)), k, 2)[..., :features]
            )
        adata = cohort(mean + sd * values)
        order = {
            "any": rng.permutation(features),
            "high": rng.permutation(np.argsort(-mean)[: features // 5]),
            "variable": rng.permutation(np.argsort(-sd)[: features // 5]),
            "together": np.arange(features),
        }
        count = len(order[kind]) // k
        others = order["any"][: features // k * k].reshape(-1, k)
        names = adata.var_names.to_numpy()

        def signatures(rows: np.ndarray, tag: str, names=names, rng=rng) -> dict:
            # unsigned where the members' level is the question
            signs = [1.0, 0.5] if tag != "any" else [1.0, 0.5, -1.0, -0.5]
            return {
                f"{tag}{i}": dict(zip(names[row], rng.choice(signs, k).tolist(), strict=True))
                for i, row in enumerate(rows)
            }

        mine = signatures(order[kind][: count * k].reshape(-1, k), kind)
        exo.tl.score(adata, mine, method=method, n_permutations=199, se=False)
        matched.append(adata.obsm[f"score_null_p_{method}"].iloc[n].to_numpy())
        far = adata.obsm[f"score_{method}"].iloc[n].to_numpy()
        exo.tl.score(adata, signatures(others, "plain"), method=method, se=False)
        random = adata.obsm[f"score_{method}"].iloc[n].to_numpy()
        beyond = np.abs(random - random.mean()) >= np.abs(far - random.mean())[:, None]
        plain.append((1 + beyond.sum(axis=1)) / (1 + len(random)))
    return np.concatenate(matched), np.concatenate(plain)


@slow
@pytest.mark.parametrize("method", EVERY)
def test_matched_null_of_random_sets(method: str) -> None:
    """Uniform where features are exchangeable; where they differ in level, never small too often.

    Scorers of a feature's own distribution stay uniform. For the others each member is the centre
    of its own pool, which spreads around it: the null is wider than it need be.
    """
    assert uniform(null_p(method, "any", levels=False)[0])
    p_value, _ = null_p(method, "any")
    if method in OWN_BASELINE:
        assert uniform(p_value), below(p_value)
    else:
        assert below(p_value).share < 0.05


@slow
@pytest.mark.parametrize("method", EVERY)
def test_matched_null_of_sets_that_are_only_high_or_variable(method: str) -> None:
    """A null of any features calls a high level an enrichment, always; the matched one seldom."""
    matched, plain = null_p(method, "high")
    if method in LEVELS:
        assert below(plain).share > 0.95
    # the highest features have no neighbours above them
    assert below(matched).share < 0.05 + below(matched).error(0.05)
    assert below(null_p(method, "variable")[0]).share < 0.05 + below(matched).error(0.05)


@slow
def test_members_that_go_together_look_enriched() -> None:
    """As the docstring warns: the matched null is no test where members correlate."""
    p_value, _ = null_p("baseline_z", "together")
    assert below(p_value).share > 0.25


# ---- the standard error over members


def error_ratio(
    method: str, k: int, signs: Sequence[float] = (1.0,), draws: int = 1000
) -> tuple[float, float]:
    """Jackknife SE over the SD of the score of k members drawn at random from 600; score's SD.

    The 600 change by 0.7 +- 1 noise SDs, of 3000 features; the mean over 10 samples.
    """
    rng = np.random.default_rng([31, k, len(signs)])
    values = 8 + rng.normal(size=(10, 2, 3000))
    values[:, 1, :600] += rng.normal(0.7, 1, 600)
    adata = cohort(values)
    names = adata.var_names.to_numpy()
    # the sign belongs to the member, whoever else is drawn
    own = rng.choice(signs, 600)
    sets = {}
    for i in range(draws):
        drawn = rng.choice(600, k, replace=False)
        sets[f"s{i}"] = dict(zip(names[drawn], own[drawn].tolist(), strict=True))
    exo.tl.score(adata, sets, method=method)
    after = np.arange(1, 20, 2)
    score, error = (adata.obsm[f"{w}_{method}"].to_numpy()[after] for w in ("score", "score_se"))
    spread = score.std(axis=1, ddof=1)
    return float((np.sqrt((error**2).mean(axis=1)) / spread).mean()), float(spread.mean())


@slow
@pytest.mark.parametrize("method", EVERY)
def test_standard_error_is_the_spread_over_draws_of_members(method: str) -> None:
    """Within 12%; `ulm` alone is too small, by the root of (k - 1) / k.

    Its t grows with the root of the number of members, and each score of the jackknife has one
    less.
    """
    for k in (5, 10, 30):
        ratio, _ = error_ratio(method, k)
        expected = np.sqrt((k - 1) / k) if method == "ulm" else 1.0
        assert ratio == pytest.approx(expected, abs=0.08), (k, ratio)
        signed, _ = error_ratio(method, k, (1.0, -1.0))
        assert signed == pytest.approx(expected, abs=0.15), (k, signed)


def test_error_of_what_is_not_measured() -> None:
    """The score of all members lies se x root of (1 - coverage) from that of the measured ones."""
    rng = np.random.default_rng(5)
    adata = cohort(rng.normal(8, 1, (10, 2, 1000)))
    whole, names = rng.permutation(1000).reshape(50, 20), adata.var_names.to_numpy()
    exo.tl.score(adata, {f"s{i}": names[row].tolist() for i, row in enumerate(whole)}, se=False)
    full = adata.obsm["score_baseline_z"].to_numpy()
    lacking = {
        f"s{i}": [*names[row[:12]], *(f"x{j}" for j in range(8))] for i, row in enumerate(whole)
    }
    exo.tl.score(adata, lacking)
    part, se = (adata.obsm[f"{w}_baseline_z"].to_numpy() for w in ("score", "score_se"))
    assert (adata.obsm["coverage_baseline_z"].round(6) == 0.6).all(axis=None)
    ratio = np.sqrt(((full - part) ** 2).mean() / (se**2 * (1 - 0.6)).mean())
    assert ratio == pytest.approx(1, abs=0.1)
