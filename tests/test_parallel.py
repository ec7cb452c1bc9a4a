"""Work on processes and on Dask gives the numbers, errors and warnings of a serial run."""

from __future__ import annotations

import os
import pickle
import re
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anndata as ad
import joblib
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics import _cluster, errors, parallel
from exerkine_omics.errors import AnalysisError, ExerkineWarning, UsageError

pytest.importorskip("distributed")
TASKS = [(i,) for i in range(6)]


@pytest.fixture(scope="module", autouse=True)
def _travels() -> Iterator[None]:
    """Workers cannot import this file: its functions go to them by value."""
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def one_worker(_travels: None) -> Iterator[str]:
    """One worker with one thread: whatever can block, blocks here."""
    yield "local:1"
    parallel.close()


@pytest.fixture(params=["serial", "joblib", "dask"])
def way(request: pytest.FixtureRequest, one_worker: str) -> Iterator[str]:
    changes = {"serial": {}, "joblib": {"n_jobs": 2}, "dask": {"scheduler": one_worker}}
    with exo.settings.override(**changes[request.param]):
        yield request.param


def settings_there(number: int) -> tuple[int, int, str | None]:
    return number, exo.settings.seed, exo.settings.data_dir.name


def process(number: int) -> int:
    return os.getpid()


def nested(number: int) -> list[tuple[int, float]]:
    exo.settings.seed += number
    inner = parallel.run(partial(draw, number), TASKS[:3])
    return [*inner, (exo.settings.seed, float(number))]


def draw(outer: int, number: int) -> tuple[int, float]:
    seed = exo.settings.seed
    return seed, float(parallel.stream(seed, "test", outer, number).normal())


def talks(number: int) -> int:
    errors.warn("the same from all")
    errors.warn(f"from {number}")
    return number


def raises(number: int) -> int:
    errors.warn(f"before {number}")
    if number in (2, 4):
        raise exo.errors.UnitsError(f"wrong in {number}", where="obs['x']", fix="Is it so?")
    return number


def square_once_dead(folder: Path, big: np.ndarray, number: int) -> float:
    mark = folder / str(number)
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(big.sum()) + number**2


def always_dead(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def total(block: np.ndarray, table: np.ndarray) -> float:
    return float(block.sum() + table.sum())


def threads(number: int) -> list[int]:
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return [pool["num_threads"] for pool in threadpool_info()]


@pytest.mark.parametrize("n", [0, 1, 6])
def test_order_and_done(way: str, n: int) -> None:
    seen = {}
    found = parallel.run(abs, [(-i,) for i in range(n)], done=seen.__setitem__)
    assert found == list(range(n))
    assert seen == dict(enumerate(found))


def test_settings_are_the_callers(way: str) -> None:
    with exo.settings.override(seed=71, data_dir="/somewhere"):
        assert parallel.run(settings_there, TASKS) == [(i, 71, "somewhere") for (i,) in TASKS]
    assert exo.settings.seed != 71


def test_linear_algebra_has_one_thread(one_worker: str) -> None:
    with exo.settings.override(scheduler=one_worker):
        assert {n for pools in parallel.run(threads, TASKS) for n in pools} == {1}


def test_one_job_stays_here(one_worker: str) -> None:
    with exo.settings.override(scheduler=one_worker):
        assert set(parallel.run(process, TASKS, n_jobs=1)) == {os.getpid()}
        assert os.getpid() not in parallel.run(process, TASKS)
        assert not parallel.alone() and parallel.alone(1)
    assert parallel.alone()


def test_tasks_within_tasks_do_not_block(one_worker: str) -> None:
    """What a task does to its settings ends with it, and reaches its own tasks."""

    def serial() -> list[list[tuple[int, float]]]:
        found = []
        for task in TASKS:
            with exo.settings.override(seed=5):
                found.append(nested(*task))
        return found

    expected = serial()
    with exo.settings.override(seed=5, scheduler=one_worker):
        assert parallel.run(nested, TASKS) == expected


def test_warnings_reach_the_caller_once(way: str) -> None:
    with pytest.warns(ExerkineWarning) as record:
        parallel.run(talks, TASKS[:2])
    expected = ["the same from all", "from 0", "the same from all", "from 1"]
    assert [str(w.message) for w in record] == expected
    assert {w.filename for w in record} == {__file__}


def test_the_first_error_comes_home_whole(way: str) -> None:
    done = []
    with pytest.warns(ExerkineWarning) as record, pytest.raises(exo.errors.UnitsError) as error:
        parallel.run(raises, TASKS, done=lambda place, _: done.append(place))
    assert str(error.value) == "wrong in 2 (in obs['x']). Is it so?"
    assert (error.value.what, error.value.where) == ("wrong in 2", "obs['x']")
    assert {0, 1} <= set(done) and 2 not in done
    said = [str(w.message) for w in record]
    assert "before 2" in said and len(said) == len(set(said))


@pytest.mark.parametrize(
    "name", [n for n, e in vars(errors).items() if isinstance(e, type) and n.endswith("Error")]
)
def test_errors_can_be_pickled(name: str) -> None:
    made = getattr(errors, name)("What?", where="there", fix="do this")
    made.add_note("more")
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is type(made) and str(again) == str(made) and again.args == made.args
    assert (again.what, again.where, again.fix) == ("What?", "there", "do this")
    assert again.__notes__ == ["more"]


def test_a_dead_worker_is_replaced(one_worker: str, tmp_path: Path) -> None:
    """Also where what all tasks share was lost with it."""
    big = np.arange(1e5)
    with exo.settings.override(scheduler=one_worker):
        found = parallel.run(partial(square_once_dead, tmp_path, big), TASKS)
    assert found == [float(big.sum()) + i**2 for (i,) in TASKS]
    assert (tmp_path / "3").exists()


@pytest.mark.slow
def test_a_task_that_always_kills_is_given_up(one_worker: str) -> None:
    with exo.settings.override(scheduler=one_worker):
        with pytest.raises(AnalysisError, match="died under one task"):
            parallel.run(always_dead, TASKS[:2])
        assert parallel.run(abs, TASKS) == list(range(6))


def layout(own: np.ndarray, shared: np.ndarray) -> tuple[np.ndarray, set[bool]]:
    return own, {a.flags.aligned and a.flags.c_contiguous for a in (own, shared)}


@pytest.mark.parametrize("rows", [10, 500])
def test_arrays_are_aligned_there_and_back(one_worker: str, rows: int) -> None:
    """Over an array at an odd address numpy sums in another order; Dask's own way gives those."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(300, 100))
    tasks = [(rng.normal(size=(rows, 500)), table) for _ in range(12)]
    expected = [total(*task) for task in tasks]
    with exo.settings.override(scheduler=one_worker):
        for _ in range(3):
            assert parallel.run(total, tasks) == expected
        for (own, seen), task in zip(parallel.run(layout, tasks), tasks, strict=True):
            assert own.flags.aligned and seen == {True}
            assert own.tobytes() == task[0].tobytes()


class TestAddresses:
    def test_wrong_ones_are_refused(self) -> None:
        for bad in ("local", "local:0", "localhost:8786", "", 4, "local:two"):
            with pytest.raises(UsageError, match="takes the address"):
                exo.settings.scheduler = bad
        assert exo.settings.scheduler is None

    def test_nobody_answers(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(_cluster, "_PATIENCE", 1)
        start = time.monotonic()
        for spec in ("tcp://127.0.0.1:1", "foo://127.0.0.1:1"):
            with exo.settings.override(scheduler=spec):
                with pytest.raises(UsageError, match=f"No Dask scheduler answers at '{spec}'"):
                    parallel.run(abs, TASKS)
        assert time.monotonic() - start < 20

    def test_a_scheduler_file_that_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "s.json"
        for text in (None, "{", "[]", "{}"):
            if text is not None:
                path.write_text(text)
            with pytest.raises(UsageError, match="scheduler file .* cannot be read"):
                with parallel.cluster(str(path)):
                    pass

    def test_dask_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        parallel.close()
        monkeypatch.setitem(sys.modules, "distributed", None)
        with exo.settings.override(scheduler="local:2"):
            with pytest.raises(UsageError, match=re.escape("pip install exerkine_omics[dask]")):
                parallel.run(abs, TASKS)


def test_threads_of_this_process() -> None:
    """A notebook's own cluster through joblib's backend: its client stays open."""
    from distributed import Client, LocalCluster

    options = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(processes=False, **options) as there, Client(there) as own:
        with joblib.parallel_config(backend="dask"):
            assert parallel.run(nested, TASKS[:1]) == parallel.run(nested, TASKS[:1], n_jobs=1)
            with pytest.warns(ExerkineWarning, match="from|from all"):
                assert parallel.run(talks, TASKS[:3]) == [0, 1, 2]
        assert own.status == "running"


FAST = {"outer": (3, 2), "inner": 2, "n_permutations": 2, "n_bootstrap": 10, "clinical": None}


def cohort() -> tuple[ad.AnnData, pd.Series]:
    rng = np.random.default_rng(3)
    people = [f"P{i:03d}" for i in range(30)]
    obs = pd.DataFrame({"subject_id": people}, index=people)
    obs["timepoint"] = pd.Categorical(["pre"] * 30, ["pre", "post"], ordered=True)
    x = rng.normal(6, 1, (30, 60))
    label = pd.Series((x[:, 0] + rng.normal(size=30) > 6).astype(float), index=people)
    x[rng.random(x.shape) < 0.05] = np.nan
    adata = ad.AnnData(x, obs=obs, var=pd.DataFrame(index=[f"A{j:02d}" for j in range(60)]))
    adata.uns["exerkine"] = {"schema_version": "1", "units": "NPX", "baseline": "pre"}
    return adata, label


def evaluated(number: int, n_jobs: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    adata, label = cohort()
    found = exo.ml.evaluate(adata, label, seed=number, n_jobs=n_jobs, **FAST)
    return found.predictions, found.metrics, found.permutation_p


def test_evaluation_is_the_same_to_the_bit(one_worker: str) -> None:
    """Serial, processes, cluster, joblib's backend, and cohorts whose folds go on from there."""
    expected = [evaluated(k, n_jobs=1) for k in range(2)]
    found = {"processes": [evaluated(k, n_jobs=2) for k in range(2)]}
    with exo.settings.override(scheduler=one_worker):
        found["cluster"] = [evaluated(k) for k in range(2)]
        found["nested"] = parallel.run(evaluated, [(0,), (1,)])
    with parallel.cluster(one_worker) as client, client.as_current():
        with exo.settings.override(scheduler=None), joblib.parallel_config(backend="dask"):
            found["joblib"] = [evaluated(k) for k in range(2)]
    for name, results in found.items():
        for first, other in zip(expected, results, strict=True):
            pd.testing.assert_frame_equal(first[0], other[0], check_exact=True, obj=name)
            pd.testing.assert_frame_equal(first[1], other[1], check_exact=True, obj=name)
            assert first[2] == other[2]


def wide_cohort() -> ad.AnnData:
    """1200 features, 5% missing."""
    small = exo.datasets.simulate(20, n_proteins=400, seed=2).adata
    rng = np.random.default_rng(0)
    x = np.hstack([small.X, small.X + rng.normal(size=small.shape), small.X + 1])
    x[rng.random(x.shape) < 0.05] = np.nan
    var = pd.DataFrame(index=[f"A{j:04d}" for j in range(x.shape[1])])
    return ad.AnnData(x, obs=small.obs, var=var, uns=small.uns)


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
@pytest.mark.parametrize("options", [{}, {"variance": "contrast", "moderate": True}])
def test_blocks_of_a_file_are_read_by_workers(
    one_worker: str, kind: str, options: dict[str, object], tmp_path: Path, monkeypatch
) -> None:
    from exerkine_omics.tl import _lmm

    monkeypatch.setattr(_lmm, "_MEMORY", 1)  # 512 features a task
    kept = wide_cohort()
    expected = exo.tl.differential(kept, control="CON", **options)
    path = tmp_path / f"cohort.{kind}"
    exo.io.write(kept, path)
    seen = []
    run = parallel.run
    monkeypatch.setattr(_lmm, "run", lambda *a, **k: seen.append(k["n_jobs"]) or run(*a, **k))
    for changes in ({}, {"n_jobs": 2}, {"scheduler": one_worker}):
        there = exo.io.read(path, backed=True)
        with exo.settings.override(**changes):
            found = exo.tl.differential(there, control="CON", **options)
        pd.testing.assert_frame_equal(found, expected, check_exact=True, obj=str(changes))
    assert seen == [None] * 3
    exo.tl.differential(kept, control="CON", **options)
    assert seen.pop() == 1  # what is in memory stays


@pytest.mark.slow
def test_two_workers_and_a_death_in_between(tmp_path: Path) -> None:
    with parallel.cluster("local:2"):
        assert len(set(parallel.run(process, TASKS * 20))) == 2
        found = parallel.run(partial(square_once_dead, tmp_path, np.arange(1e5)), TASKS)
        assert found == [float(np.arange(1e5).sum()) + i**2 for (i,) in TASKS]
        table = np.random.default_rng(0).normal(size=(300, 999))
        for _ in range(10):  # what is shared goes from worker to worker
            found = parallel.run(total, [(table[:2], table)] * 40)
            assert set(found) == {total(table[:2], table)}
        expected = [evaluated(k, n_jobs=1)[1] for k in range(4)]
        for first, other in zip(
            expected, parallel.run(evaluated, [(k,) for k in range(4)]), strict=True
        ):
            pd.testing.assert_frame_equal(first, other[1], check_exact=True)
    assert _cluster._connected is None
