"""How tasks get to a Dask cluster and back, and what becomes of those of a lost worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pickle import loads
from typing import Any

from exerkine_omics._cluster import client_here, here
from exerkine_omics.errors import AnalysisError, ExerkineError

_SHARED = 2**16  # bytes from which what tasks have in common is sent once, not with each
_LARGE = 2**20  # bytes of one task's own arrays from which few are sent ahead

_lock = threading.Lock()
_gate: threading.Semaphore | None = None


@dataclass
class Outcome:
    """What a task comes to: its result or the user's error, which no worker need log."""

    result: Any = None
    error: ExerkineError | None = None
    warnings: list[str] = field(default_factory=list)


def on_cluster(
    call: Callable[..., Outcome], tasks: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[int, Outcome]]:
    """Yield place and outcome of ``call(*task)`` as they come.

    A task whose worker dies is done again by another. Where tasks fail, the error of the first in
    order is the last outcome, as in a serial run.
    """
    from dask import config

    depth = 0 if here.depth is None else here.depth + 1
    with client_here() as client:
        # the sizes below are meant
        with config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            yield from _stream(client, call, tasks, depth)


def _stream(
    client: Any, call: Any, tasks: Sequence[tuple[Any, ...]], depth: int
) -> Iterator[tuple[int, Outcome]]:
    from distributed import as_completed

    common = _common(client, call, tasks)
    own = sum(getattr(a, "nbytes", 0) for a in tasks[0] if id(a) not in common)
    # tasks that bring large arrays are sent as the workers take them: memory stays bounded
    ahead = len(tasks) if own < _LARGE else 2 * max(sum(client.nthreads().values()), 1)
    order = iter(range(len(tasks)))
    queue = as_completed(loop=client.loop, with_results=True, raise_errors=False)
    running: dict[Any, int] = {}
    failed: dict[int, Outcome | BaseException] = {}

    def send(n: int) -> None:
        for place in islice(order, n):
            parts = (call, *tasks[place])
            shared = {k: common[id(part)] for k, part in enumerate(parts) if id(part) in common}
            packed = _pack(tuple(None if k in shared else part for k, part in enumerate(parts)))
            # what waits inside another task goes first, or many large ones are begun at once
            future = client.submit(at_depth, depth, packed, shared, pure=False, priority=10 * depth)
            running[future] = place
            queue.add(future)

    send(ahead)
    try:
        for future, result in queue:
            place = running.pop(future)
            ended = future.status == "finished"
            if ended:
                result = loads(result)
            if ended and result.error is None:
                yield place, result
                if not failed:
                    send(1)
            elif not failed or place < min(failed):
                failed[place] = result if ended else _lost(result)
                client.cancel([f for f, k in running.items() if k > place])
        if failed:
            first = failed[min(failed)]
            if not isinstance(first, Outcome):
                raise first
            yield min(failed), first
    finally:
        if running:
            client.cancel(list(running))


def _common(client: Any, call: Any, tasks: Sequence[tuple[Any, ...]]) -> dict[int, Any]:
    """Future of each large thing that all tasks use, packed, by identity.

    It travels as a task that gives it back, not as scattered data: what lay on a worker that dies
    is made anew on another.
    """
    found = {}
    small = (str, bytes, int, float, bool, type(None))
    again = {id(a) for a in tasks[1]}
    things = [a for a in tasks[0] if id(a) in again and not isinstance(a, small)]
    for thing in (call, *things):
        packed = _pack(thing)
        if len(packed) >= _SHARED:
            found[id(thing)] = client.submit(bytes, packed, pure=False, priority=100)
    return found


def _pack(thing: Any) -> bytes:
    """Pickle with its arrays inside, which are then aligned where they arrive.

    Dask's own way leaves arrays at odd addresses, over which numpy sums in another order.
    """
    from cloudpickle import dumps

    return dumps(thing, protocol=5)


def _lost(result: Any) -> BaseException:
    """Return the error of a bug, or say in words what happened to the cluster."""
    error = result[1] if isinstance(result, tuple) else result
    if type(error).__name__ == "KilledWorker":
        return AnalysisError(
            f"The workers died under one task, again and again: {error}",
            fix="Most often memory ran out: give the workers more, or use fewer on a machine.",
        )
    if isinstance(error, CancelledError):
        return AnalysisError(
            "The cluster was lost while it worked",
            fix="See the scheduler's log; ml.evaluate(checkpoint=...) goes on where it was.",
        )
    return error


@lru_cache(maxsize=4)
def _unpack(packed: bytes) -> Any:
    return loads(packed)


def at_depth(depth: int, packed: bytes, shared: dict[int, bytes]) -> bytes:
    """Run a call on a worker, and let it know that it does; its outcome is packed again."""
    before, here.depth = here.depth, depth
    try:
        with _turn(depth):
            call, *task = (
                _unpack(shared[k]) if k in shared else part for k, part in enumerate(loads(packed))
            )
            return _pack(call(*task))
    finally:
        here.depth = before


@contextmanager
def _turn(depth: int) -> Iterator[None]:
    """Let one outermost task a thread of the pool work at a time.

    A task that waits for tasks of its own leaves the pool, and the worker begins another. That
    one waits here, outside the pool too, so that a worker holds the data of one cohort a thread.
    """
    global _gate
    if depth:
        yield
        return
    from distributed import get_worker, worker_client

    with _lock:
        if _gate is None:
            _gate = threading.Semaphore(get_worker().state.nthreads)
    if not _gate.acquire(blocking=False):
        with worker_client():
            _gate.acquire()
    try:
        yield
    finally:
        _gate.release()
