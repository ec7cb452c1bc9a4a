"""Nothing of a test person reaches the models that predict it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.ml import _cross
from exerkine_omics.ml._blocks import Material, blocks_of
from exerkine_omics.ml._fold import Recipe, learn_fill
from exerkine_omics.ml._lead import lead
from exerkine_omics.ml._outcome import Outcome
from exerkine_omics.ml._signature_block import SignatureBlock
from exerkine_omics.ml._splits import assign_folds, permute_between_groups

SETS = {"s": [f"A{j:04d}" for j in range(5)], "t": {"A0006": 1.0, "A0007": -1.0}}
FAST = {"outer": (4, 2), "inner": 3, "n_permutations": 0, "n_bootstrap": 20, "seed": 1}


@pytest.mark.quick
@pytest.mark.parametrize("method", [None, "baseline_z", "ssgsea", "gsva"])
def test_values_of_test_people_change_no_other_prediction(make_cohort, method):
    """In each repeat, people of the fold of the changed person are predicted as before."""
    adata, label = make_cohort(n=40, p=20, effect=1.0)
    sets = None if method is None else exo.ml.SignatureScorer(SETS, method=method)
    first = exo.ml.evaluate(adata, label, signatures=sets, **FAST).predictions
    changed = adata.copy()
    changed.X[7] = 1000.0
    changed.X[7, :5] = np.nan
    changed.obs.loc[changed.obs_names[7], "age"] = 500.0
    other = exo.ml.evaluate(changed, label, signatures=sets, **FAST).predictions
    person = adata.obs["subject_id"].iloc[7]
    checked = dict.fromkeys(first["block"].cat.categories, 0)
    for (block, _), rows in first.groupby(["block", "repeat"], observed=True):
        fold = rows.loc[rows["subject_id"] == person, "fold"].iloc[0]
        mates = rows.index[(rows["fold"] == fold) & (rows["subject_id"] != person)]
        rest = rows.index[rows["fold"] != fold]
        assert (first.loc[mates, "probability"] == other.loc[mates, "probability"]).all()
        moved = first.loc[rest, "probability"] != other.loc[rest, "probability"]
        checked[block] += int(moved.any())
    assert len(checked) == (3 if method is None else 6)
    checked.pop("best_single", None)  # one column, which may be another
    assert all(checked.values())  # where the person trains, its values do matter


def test_scores_learn_from_training_people_in_inner_folds_too(make_cohort, monkeypatch):
    """Each scorer sees its own training people, and the marked person only where it trains."""
    seen = []

    def watch(block, values, reference=None):
        seen.append((len(values), bool((values == 1000.0).any())))
        return fit(block, values, reference)

    fit = SignatureBlock.fit
    monkeypatch.setattr(SignatureBlock, "fit", watch)
    adata, label = make_cohort(n=40, p=20)
    adata.X[7] = 1000.0
    exo.ml.evaluate(adata, label, signatures=SETS, n_jobs=1, **FAST)
    # repeats, folds, the fold and its inner ones; all blocks of signatures share them
    # the last is the nested test of each score, of all people: no label enters a score
    assert seen.pop()[0] == 40
    assert len(seen) == 2 * 4 * (1 + 3)
    assert max(n for n, _ in seen) == 30
    marks = np.array([mark for _, mark in seen]).reshape(-1, 4)
    tested = ~marks[:, 0]
    assert tested.sum() == 2
    assert not marks[tested].any()
    assert (marks[~tested].sum(axis=1) == 3).all()  # in one of the inner folds it is asked


def test_imputation_learns_the_training_median():
    train = np.array([[1.0, np.nan, 5], [2.0, np.nan, 5], [np.nan, np.nan, 5], [9.0, np.nan, 5]])
    test = np.array([[np.nan, 3.0, 100.0]])
    fill = learn_fill(train, np.isnan(test).any(axis=0))
    assert fill.keep.tolist() == [True, False, False]  # never seen, and constant in training
    assert fill(train)[:, 0].tolist() == [1, 2, 2, 9]
    assert fill(test).tolist() == [[2.0]]
    whole = learn_fill(train)
    assert whole.keep.tolist() == fill.keep.tolist() and whole.median[2] == 5


@pytest.mark.quick
def test_families_stay_on_one_side(make_cohort):
    adata, label = make_cohort(n=60, p=10, effect=1.0)
    adata.obs["family_id"] = [f"F{i // 3}" for i in range(60)]
    result = exo.ml.evaluate(adata, label, groups="family_id", **FAST)
    family = adata.obs.set_index("subject_id")["family_id"]
    rows = result.predictions.assign(family=result.predictions["subject_id"].map(family))
    folds = rows.groupby(["block", "repeat", "family"], observed=True)["fold"].nunique()
    assert (folds == 1).all()
    assert len(folds) == 3 * 2 * 20


def test_inner_folds_keep_families_together(make_cohort, monkeypatch):
    seen = []
    from exerkine_omics.ml import _fold

    def watch(groups, n_splits, rng, label=None):
        fold = assign_folds(groups, n_splits, rng, label)
        seen.append(pd.Series(fold).groupby(groups).nunique().max())
        return fold

    monkeypatch.setattr(_fold, "assign_folds", watch)
    adata, label = make_cohort(n=60, p=10)
    adata.obs["family_id"] = [f"F{i // 3}" for i in range(60)]
    exo.ml.evaluate(adata, label, groups="family_id", n_jobs=1, **FAST)
    assert len(seen) == 4 * 2 * (3 + 1)  # three blocks, and the one with exchanged features
    assert max(seen) == 1


def test_duplicated_families_teach_nothing_about_noise():
    """Twins with the same features and label: split apart, noise would look like a predictor."""
    areas = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = np.repeat(rng.normal(size=(24, 60)), 2, axis=0)
        y = np.repeat(np.tile([0.0, 1.0], 12), 2)
        people = np.array([f"P{i:02d}" for i in range(48)], dtype=object)
        series = pd.Series(y, index=people)
        outcome = Outcome(people, y, series.to_frame())
        families = np.repeat(np.arange(24), 2).astype(str)
        for groups in (families, people.astype(str)):
            material = Material(x, np.empty((48, 0)), groups, outcome)
            plan = _cross.Plan(Recipe(), 4, seed)
            pairs = plan.pairs(blocks_of(material))
            repeat = _cross.one_repeat(material, pairs, plan, "x")
            areas.append(lead(repeat, ("omics", "elastic_net"), False)[0])
    together, apart = np.mean(areas[::2]), np.mean(areas[1::2])
    assert apart > 0.75  # what the groups protect from
    assert together < 0.65


def test_permutation_moves_whole_groups_of_a_size():
    groups = np.array(["a", "a", "b", "b", "c", "d", "e"])
    order = permute_between_groups(groups, np.random.default_rng(0))
    assert sorted(order) == list(range(7))
    assert set(order[:2]) in ({0, 1}, {2, 3})
    assert set(order[4:]) == {4, 5, 6}


@pytest.mark.parametrize("label", [None, np.tile([0, 1], 30)])
def test_every_fold_is_used_and_groups_are_whole(label):
    groups = np.array([f"g{i // 4}" for i in range(60)])
    fold = assign_folds(groups, 5, np.random.default_rng(0), label)
    assert set(fold) == set(range(5))
    assert (pd.Series(fold).groupby(groups).nunique() == 1).all()
    again = assign_folds(groups, 5, np.random.default_rng(0), label)
    assert (fold == again).all()


def test_uninformative_features_do_not_rank_people_in_reverse():
    """Constant features predict the same for all: AUC 0.5, whatever the folds' class shares."""
    y = np.tile([0.0, 1.0, 0.0], 9)[:26]
    people = np.array([f"P{i:02d}" for i in range(26)], dtype=object)
    outcome = Outcome(people, y, pd.DataFrame(index=people))
    material = Material(np.ones((26, 3)), np.empty((26, 0)), people.astype(str), outcome)
    plan = _cross.Plan(Recipe(), 5, 0)
    repeat = _cross.one_repeat(material, plan.pairs(blocks_of(material)), plan, "x")
    assert lead(repeat, ("omics", "elastic_net"), False)[0] == 0.5
