"""Settings, blocks and random streams."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import exerkine_omics as exo
from exerkine_omics import parallel


@pytest.mark.quick
def test_settings_are_checked() -> None:
    with pytest.raises(exo.errors.UsageError, match="no setting"):
        exo.settings.sead = 1
    with pytest.raises(exo.errors.UsageError, match="whole number"):
        exo.settings.n_jobs = "two"
    with exo.settings.override(seed=7, data_dir="/nowhere"):
        assert exo.settings.seed == 7
        assert exo.settings.data_dir.name == "nowhere"
    assert exo.settings.seed != 7


def test_environment_is_read_and_a_bad_one_is_said() -> None:
    code = "import exerkine_omics as exo; print(exo.settings.seed)"
    env = {"EXERKINE_SEED": "5", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "5"
    code = "import exerkine_omics as exo; print(exo.settings.scheduler)"
    for given, read in (("local:3", "local:3"), ("three", "None"), ("", "None")):
        own = {"EXERKINE_SCHEDULER": given, "PATH": ""}
        done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True)
        assert done.stdout.strip() == read
        assert ("EXERKINE_SCHEDULER" in done.stderr) == (given == "three")
    code = "import exerkine_omics as exo; print(exo.settings.seed)"
    env["EXERKINE_SEED"] = "five"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "0" and "EXERKINE_SEED" in done.stderr


def test_lent_settings_hold_in_their_thread_alone() -> None:
    lent = exo.settings.to_dict() | {"seed": 11}
    with exo.settings.lend(lent), ThreadPoolExecutor(1) as other:
        with exo.settings.override(n_jobs=3):
            exo.settings.seed += 1
            assert (exo.settings.seed, exo.settings.n_jobs) == (12, 3)
            assert other.submit(getattr, exo.settings, "seed").result() == 0
        assert exo.settings.n_jobs == 1
    assert exo.settings.seed == 0 and lent["seed"] == 11


def test_blocks_cover_all_features_once() -> None:
    for n in (0, 1, 512, 513, 3000):
        rows = np.concatenate([np.arange(n)[b] for b in parallel.blocks(n)] or [np.arange(0)])
        assert (rows == np.arange(n)).all()
        assert all(b.stop - b.start <= 512 for b in parallel.blocks(n))


def test_streams_go_by_name() -> None:
    first = parallel.stream(1, "permute", "IL6").random(3)
    assert (first == parallel.stream(1, "permute", "IL6").random(3)).all()
    for other in ((2, "permute", "IL6"), (1, "impute", "IL6"), (1, "permute", "IL10")):
        assert (first != parallel.stream(*other).random(3)).all()


def _square(x: int) -> int:
    return x * x


def test_workers_keep_the_order() -> None:
    tasks = [(i,) for i in range(20)]
    expected = [i * i for i in range(20)]
    assert parallel.run(_square, tasks, n_jobs=1) == expected
    assert parallel.run(_square, tasks, n_jobs=2, progress="squares") == expected


def test_warnings_point_at_the_user() -> None:
    with pytest.warns(exo.errors.ExerkineWarning, match="look") as record:
        exo.errors.warn("look here")
    assert record[0].filename == __file__
