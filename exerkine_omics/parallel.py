"""Blocks of fixed size, workers, and random streams that do not depend on order.

Work over features is cut into blocks of 512, a constant: the numbers of a run depend neither
on the number of workers nor on the order of features.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, TypeVar
from warnings import catch_warnings, showwarning
from zlib import crc32

import numpy as np

from exerkine_omics._cluster import close, cluster, in_use
from exerkine_omics._cluster_tasks import Outcome, on_cluster
from exerkine_omics.errors import ExerkineError, ExerkineWarning, warn
from exerkine_omics.settings import settings

__all__ = ["BLOCK", "alone", "blocks", "close", "cluster", "run", "stream"]

BLOCK = 512
_PROCESS = os.urandom(8).hex()  # this process, among all machines
T = TypeVar("T")


def blocks(n: int) -> Iterator[slice]:
    """Cut ``range(n)`` into slices of 512."""
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))


def stream(seed: int, stage: str, *keys: str | int) -> np.random.Generator:
    """Random generator for one stage and one feature (or fold, or permutation).

    The stream is spawned from the seed and the *names* given, never from a position, so that
    permuting the features permutes the results and changes nothing else.
    """
    words = [crc32(str(key).encode()) for key in (stage, *keys)]
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=words))


def alone(n_jobs: int | None = None) -> bool:
    """Whether `run` works in this process: one job, and no cluster."""
    if n_jobs is not None:
        return n_jobs == 1
    return settings.n_jobs == 1 and not in_use()


def run(
    function: Callable[..., T],
    tasks: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int | None = None,
    progress: str | None = None,
    done: Callable[[int, T], None] | None = None,
) -> list[T]:
    """Call ``function(*task)`` for each task, here, on processes or on a Dask cluster.

    The cluster is that of ``settings.scheduler``, or of joblib's ``dask`` backend; a task that
    runs on a worker may call `run` again. Tasks work with the caller's settings, on one thread of
    linear algebra; their warnings are given to the caller, in the order of the tasks.

    Parameters
    ----------
    function
        A function that can be pickled.
    tasks
        One tuple of arguments a call. Give contiguous arrays: a part of a larger one arrives as
        a contiguous copy, over which numpy may sum in another order (the last digit).
    n_jobs
        Number of processes; None means ``settings.n_jobs``, -1 all cores. With a cluster the
        number is the cluster's; only 1, given here, keeps the tasks in this process.
    progress
        Label of a progress bar (shown when ``settings.progress`` and a terminal is there).
    done
        Called in this process with the place and the result of each task as it ends; on a cluster
        they end in any order.

    Returns
    -------
    list
        Results in the order of the tasks.

    Raises
    ------
    UsageError
        A cluster is asked for and Dask is not installed, or the scheduler does not answer.
    AnalysisError
        The cluster was lost, or one task's workers died again and again.
    """
    found: dict[int, T] = {}
    told: dict[int, list[str]] = {}
    results = _results(function, tasks, n_jobs)
    try:
        for place, outcome in _bar(results, progress, len(tasks)):
            told[place] = outcome.warnings
            if outcome.error is not None:
                raise outcome.error
            if done is not None:
                done(place, outcome.result)
            found[place] = outcome.result
    finally:
        for place in sorted(told):
            for text in told[place]:
                warn(text)
    return [found[place] for place in range(len(tasks))]


def _results(
    function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], n_jobs: int | None
) -> Iterable[tuple[int, Outcome]]:
    if len(tasks) < 2 or alone(n_jobs):
        # warnings and errors go their own way here
        return ((place, Outcome(function(*task))) for place, task in enumerate(tasks))
    # a bar in a worker would be drawn over the caller's
    call = partial(_work, function, settings.to_dict() | {"progress": False}, _PROCESS)
    if in_use():
        return on_cluster(call, tasks)
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    jobs = settings.n_jobs if n_jobs is None else n_jobs
    streams = getattr(get_active_backend()[0], "supports_return_generator", False)
    workers = Parallel(n_jobs=jobs, return_as="generator" if streams else "list")
    return enumerate(workers(delayed(call)(*task) for task in tasks))


def _work(
    function: Callable[..., Any], lent: Mapping[str, Any], caller: str, *task: Any
) -> Outcome:
    """Run in a worker, with the caller's settings, one thread, and an ear for warnings."""
    with settings.lend(lent):
        if caller == _PROCESS:  # a thread of the caller: its filters and threads are not ours
            return _outcome(function, task)
        _one_thread(len(sys.modules))
        with catch_warnings(record=True, action="always", category=ExerkineWarning) as caught:
            outcome = _outcome(function, task)
        for w in caught:
            if issubclass(w.category, ExerkineWarning):
                outcome.warnings.append(str(w.message))
            else:  # shown where it came up
                showwarning(w.message, w.category, w.filename, w.lineno)
        return outcome


def _outcome(function: Callable[..., Any], task: tuple[Any, ...]) -> Outcome:
    try:
        return Outcome(function(*task))
    except ExerkineError as error:
        return Outcome(error=error)


@lru_cache(maxsize=1)
def _one_thread(loaded: int) -> None:
    """Hold linear algebra to one thread; again (5 ms) where modules were loaded since.

    It is never lifted: another thread of this worker may be computing.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)


def _bar(items: Iterable[Any], label: str | None, total: int) -> Iterable[Any]:
    if label is None or not settings.progress:
        return items
    from tqdm import tqdm

    # delay: nothing is drawn for work under two seconds; disable=None: only on a terminal
    return tqdm(items, desc=label, total=total, delay=2, disable=None, leave=False)
