"""Blocks of fixed size, workers, and random streams that do not depend on order.

Work over features is cut into blocks of 512, a constant: the numbers of a run depend neither
on the number of workers nor on the order of features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

from exerkine_omics.settings import settings

BLOCK = 512
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


def run(
    function: Callable[..., T],
    tasks: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int | None = None,
    progress: str | None = None,
    done: Callable[[int, T], None] | None = None,
) -> list[T]:
    """Call ``function(*task)`` for each task, in order, on ``n_jobs`` processes.

    Parameters
    ----------
    function
        A function that can be pickled.
    tasks
        One tuple of arguments a call.
    n_jobs
        Number of processes; None means ``settings.n_jobs``, -1 all cores.
    progress
        Label of a progress bar (shown when ``settings.progress`` and a terminal is there).
    done
        Called in this process with the place and the result of each task as it ends.

    Returns
    -------
    list
        Results in the order of the tasks.
    """
    jobs = settings.n_jobs if n_jobs is None else n_jobs
    if jobs == 1 or len(tasks) < 2:
        results: Iterable[T] = (function(*task) for task in tasks)
    else:
        from joblib import Parallel, delayed

        calls = (delayed(function)(*task) for task in tasks)
        results = Parallel(n_jobs=jobs, return_as="generator")(calls)
    found = []
    for place, result in enumerate(_bar(results, progress, len(tasks))):
        if done is not None:
            done(place, result)
        found.append(result)
    return found


def _bar(items: Iterable[Any], label: str | None, total: int) -> Iterable[Any]:
    if label is None or not settings.progress:
        return items
    from tqdm import tqdm

    # delay: nothing is drawn for work under two seconds; disable=None: only on a terminal
    return tqdm(items, desc=label, total=total, delay=2, disable=None, leave=False)
