"""Which Dask cluster is in use, and the one client of this process."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exerkine_omics.errors import UsageError, warn
from exerkine_omics.settings import settings

_PATIENCE = 10  # seconds to wait for a scheduler's answer

_connected: tuple[str, Any] | None = None  # what was asked for, and its client


class _Here(threading.local):
    """How deep the task in this thread is nested in others; None outside a worker."""

    depth: int | None = None


here = _Here()


def connect(spec: str) -> Any:
    """Return the client of a scheduler, the one there is where the address is the same."""
    global _connected
    if _connected is not None:
        if _connected[0] == spec and _connected[1].status == "running":
            return _connected[1]
        close()
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError(
            f"Dask is not installed, and the scheduler {spec!r} was asked for",
            where="settings.scheduler",
            fix="Install it: pip install exerkine_omics[dask]",
        ) from error
    if spec.startswith("local:"):
        # no limit of memory: a worker stopped by it while its task waits for others never goes on
        workers = LocalCluster(
            n_workers=int(spec.removeprefix("local:")),
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",
        )
        client = Client(workers, set_as_default=False)
    else:
        client = _remote(Client, spec)
    _connected = (spec, client)
    return client


def _remote(make: Any, spec: str) -> Any:
    where = "settings.scheduler"
    address = spec
    if spec.endswith(".json"):
        try:
            address = json.loads(Path(spec).read_text(encoding="utf-8"))["address"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"The scheduler file {spec!r} cannot be read",
                where=where,
                fix=f"Start the scheduler with: dask scheduler --scheduler-file {spec}",
            ) from error
    try:
        # in a thread of its own: a notebook's thread has a loop that runs. Asked before a client
        # is made, since one that failed would still try to say goodbye at the end
        with ThreadPoolExecutor(1) as one:
            one.submit(asyncio.run, _ask(address)).result()
    except Exception as error:  # what else listens there may answer anything
        raise UsageError(
            f"No Dask scheduler answers at {address!r}",
            where=where,
            fix="Does it run, and can it be reached from here? Start one with: dask scheduler",
        ) from error
    client = make(address, timeout=_PATIENCE, set_as_default=False)
    if not client.scheduler_info()["workers"]:
        warn(f"The scheduler {spec!r} has no worker yet: the work waits until one comes.")
    return client


async def _ask(address: str) -> None:
    from distributed import Security
    from distributed.comm import connect as open_comm

    comm = await open_comm(address, timeout=_PATIENCE, **Security().get_connection_args("client"))
    await comm.close()


def close() -> None:
    """Leave the cluster; one that was started here ends."""
    global _connected
    if _connected is None:
        return
    client, _connected = _connected[1], None
    client.close()
    if client.cluster is not None:
        client.cluster.close()


@contextmanager
def cluster(spec: str) -> Iterator[Any]:
    """Send work to a Dask cluster inside a ``with`` block.

    Parameters
    ----------
    spec
        ``tcp://host:8786`` or a scheduler file (.json): a scheduler that runs; ``local:4``: four
        processes of this machine, started here.

    Yields
    ------
    distributed.Client
        Connected; at the end it is closed, unless it was there before.

    Raises
    ------
    UsageError
        Dask is not installed, or the scheduler does not answer within ten seconds.
    """
    with settings.override(scheduler=spec):
        before = _connected
        client = connect(spec)
        try:
            yield client
        finally:
            if before is None or before[1] is not client:
                close()


def in_use() -> bool:
    """Whether there is a cluster: we are on one, settings name one, or joblib was given one."""
    return here.depth is not None or bool(settings.scheduler) or _joblib_client() is not None


@contextmanager
def client_here() -> Iterator[Any]:
    """Client of this process; a task on a worker leaves the worker's pool while it waits."""
    if here.depth is None:
        yield _joblib_client() or connect(str(settings.scheduler))
        return
    from distributed import worker_client

    with worker_client() as client:
        yield client


def _joblib_client() -> Any:
    """Client of ``joblib.parallel_config(backend="dask")``, or None."""
    if "joblib._dask" not in sys.modules:  # loaded when that backend is asked for
        return None
    from joblib.parallel import get_active_backend

    return getattr(get_active_backend()[0], "client", None)
