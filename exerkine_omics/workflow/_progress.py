"""What a terminal, a log file or another program sees of a run while it works."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from exerkine_omics.workflow._events import Event, Log


@contextmanager
def showing(n_stages: int, *, quiet: bool = False, as_json: bool = False) -> Iterator[Log | None]:
    """Give what `run` takes as ``log``.

    On a terminal it is a bar with stage, cohort, rate and time left; in a file or a pipe a line
    an event; with ``as_json`` a JSON object a line; with ``quiet`` nothing. All on stderr.
    """
    if as_json:
        with warnings.catch_warnings():
            warnings.showwarning = _warn_json  # type: ignore[assignment]
            yield _print_json
    elif quiet:
        yield None
    elif sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=n_stages, unit="stage", leave=False, dynamic_ncols=True) as bar:
            yield lambda event: _advance(bar, event)
    else:
        yield _print_line


def _print_line(event: Event) -> None:
    print(f"{time.strftime('%H:%M:%S')} {event}", file=sys.stderr, flush=True)


def _print_json(event: Event) -> None:
    told = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **asdict(event)}
    print(json.dumps(told), file=sys.stderr, flush=True)


def _warn_json(message: Warning | str, *_: object) -> None:
    _print_json(Event("", "", "warning", message=str(message)))


def _advance(bar: object, event: Event) -> None:
    if event.status == "started":
        bar.set_description(str(event))  # type: ignore[attr-defined]
    elif event.status == "failed":
        bar.write(str(event), file=sys.stderr)  # type: ignore[attr-defined]
    else:
        bar.update()  # type: ignore[attr-defined]
