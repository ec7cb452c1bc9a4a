"""The folder of results: what is another's is never touched, whatever it is called."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from exerkine_omics import workflow
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.workflow._files import POOL, STATUS, staging
from exerkine_omics.workflow._store import Store


def write(folder: Path, *names: str, large: bool = False, **differential: object) -> Path:
    options = {"n_subjects": 80 if large else 24, "n_proteins": 400 if large else 30}
    cohorts = [
        {
            "name": name,
            "input": {"simulate": {"options": {**options, "seed": len(name) + ord(name[0])}}},
            "score": None,
            "enrich": None,
            "differential": {"method": "paired_t", **differential},
        }
        for name in names
    ]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"seed": 3, "cohorts": cohorts}))
    return path


def test_a_status_of_the_user_s_own_is_no_earlier_run(tmp_path: Path) -> None:
    path, out = write(tmp_path, "a"), tmp_path / "mine"
    (out / "S1").mkdir(parents=True)
    (out / "S1" / "precious").write_text("mine")
    for status in (b"sample\tstate\nS1\tdone\n", b"\xff\xfe\x00"):
        (out / STATUS).write_bytes(status)
        with pytest.raises(InputError, match="not that of an earlier run"):
            workflow.run_config(path, out)
    assert (out / "S1" / "precious").read_text() == "mine"


def test_hidden_folders_of_the_user_s_stay(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    out = tmp_path / "one"
    (out / ".exerkine").mkdir(parents=True)
    (out / ".exerkine" / "precious").write_text("mine")
    with pytest.raises(UsageError, match="no stage"):
        workflow.run_config(path, out, start="none")
    assert (out / ".exerkine" / "precious").read_text() == "mine"
    out = tmp_path / "two"
    (out / ".partial-download").mkdir(parents=True)
    with pytest.raises(InputError, match="partial-download"):
        workflow.run_config(path, out)
    assert (out / ".partial-download").is_dir()


def test_notes_among_the_results_stay(tmp_path: Path) -> None:
    path, out = write(tmp_path, "a"), tmp_path / "out"
    workflow.run_config(path, out)
    (out / "a" / "notes.txt").write_text("mine")
    (out / "a" / "figures" / "sub").mkdir()
    (out / "a" / "figures" / "sub" / "own.png").write_text("mine")
    (out / "a" / "link").symlink_to("nowhere")
    for _ in range(2):
        workflow.run_config(path, out, resume=True)
        assert (out / "a" / "notes.txt").read_text() == "mine"
        assert (out / "a" / "figures" / "sub" / "own.png").read_text() == "mine"
        assert (out / "a" / "link").is_symlink()
    # what the run wrote goes with its cohort, what the user wrote does not
    workflow.run_config(write(tmp_path, "b"), out)
    assert {p.name for p in (out / "a").rglob("*") if not p.is_dir()} == {
        "notes.txt", "own.png", "link",
    }  # fmt: skip


def test_a_folder_made_while_the_run_worked(tmp_path: Path) -> None:
    path, out = write(tmp_path, "a"), tmp_path / "out"

    def meddle(event: workflow.Event) -> None:
        (out / "a").mkdir(exist_ok=True)
        (out / "a" / "precious").write_text("mine")

    with pytest.raises(InputError, match="not that of an earlier run"):
        workflow.run_config(path, out, log=meddle)
    assert (out / "a" / "precious").read_text() == "mine"
    (out / "a").rename(tmp_path / "moved")
    workflow.run_config(path, out, resume=True)


def test_a_failed_move_is_told_once_and_leaves_no_claim(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ZeroDivisionError):
        with staging(out, ["a"]):
            raise ZeroDivisionError
    assert not out.exists()
    with staging(out, ["a"]) as folder:
        (folder / "a").mkdir()
        (folder / STATUS).write_text("cohort\tstage\tstatus\tmessage\na\tcheck\tdone\t\n")
    (out / "b").mkdir()
    with pytest.raises(InputError, match="'b' in the folder come from no earlier run"):
        with staging(out, ["b"]):
            raise AssertionError("unreachable")


def test_one_command_does_not_replace_what_another_wrote(tmp_path: Path) -> None:
    path, out = write(tmp_path, "a", "b"), tmp_path / "out"
    sites = []
    for name in "ab":
        file, _ = workflow.summarize_config(path, tmp_path / f"{name}.npz", cohort=name)
        sites.append(file)
    workflow.run_config(path, out)
    with pytest.raises(InputError, match="holds what exerkine run wrote"):
        workflow.pool_files(sites, out)
    assert (out / "a" / "differential.parquet").is_file()
    pooled = tmp_path / "pooled_sites"
    workflow.pool_files(sites, pooled)
    with pytest.raises(InputError, match="holds what exerkine pool wrote"):
        workflow.run_config(path, pooled)
    table = workflow.pool_files(sites, pooled)  # its own it does
    assert table.is_file() and not list(pooled.glob("*partial*"))
    with Store.of(pooled).locked():
        with pytest.raises(InputError, match="Another run works here"):
            workflow.pool_files(sites, pooled)


def test_a_pool_killed_while_it_moved_goes_on(tmp_path: Path, monkeypatch) -> None:
    def once() -> None:
        with Store.of(tmp_path / "o").locked(), staging(tmp_path / "o", ["pooled"], POOL) as made:
            (made / "pooled").mkdir()
            (made / "pooled" / "t").write_text("x")
            (made / STATUS).write_text("cohort\tstage\tstatus\tmessage\npooled\tpool\tdone\t\n")

    once()
    real = Path.replace
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda self, target: (
            real(self, target) if self.name != STATUS else (_ for _ in ()).throw(KeyboardInterrupt)
        ))  # fmt: skip
        with pytest.raises(KeyboardInterrupt):
            once()
    assert not (tmp_path / "o" / STATUS).exists()
    once()
    assert (tmp_path / "o" / STATUS).exists() and (tmp_path / "o" / "pooled" / "t").exists()


def test_places_that_cannot_be(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    for out in (tmp_path / ("x" * 300), Path(str(tmp_path) + "/x" * 3000)):
        with pytest.raises(InputError, match="File name too long"):
            workflow.plan_config(path, out)
    with pytest.raises(UsageError, match="n_jobs=0"):
        workflow.run_config(path, tmp_path / "out", n_jobs=0)
    assert not (tmp_path / "out").exists()


def test_a_worker_that_outlives_its_run_writes_nothing(tmp_path: Path) -> None:
    """Else a result of the config before would take the place of the new one's."""
    with Store.of(tmp_path).locked() as first:
        pass
    with Store.of(tmp_path).locked() as second:
        with second.writing("a", "check", "new") as made:
            made.result = 1
        with pytest.raises(InputError, match="Another run has taken over"):
            with first.writing("a", "check", "old") as made:
                made.result = 2
        assert second.find("a", "check", "new")[0] is not None


def test_a_seal_of_any_content(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.writing("a", "check", "k") as made:
        made.result = 1
    seal = tmp_path / "a" / "check" / "_stage.json"
    good = json.loads(seal.read_text())
    for change in ({"seconds": None}, {"files": None}, {"key": 1}, {"seconds": "x"}):
        seal.write_text(json.dumps({**good, **change}))
        assert store.find("a", "check", "k")[0] is None


def test_a_cohort_may_be_called_lock(tmp_path: Path) -> None:
    out = tmp_path / "out"
    workflow.run_config(write(tmp_path, "lock", "run"), out)
    assert (out / "lock" / "differential.parquet").is_file()


def stopped(path: Path, out: Path, number: int) -> subprocess.CompletedProcess[str]:
    """Send the signal to the main process alone, while two workers work."""
    command = [sys.executable, "-m", "exerkine_omics", "run", path, "-o", out, "--n-jobs", "2"]
    log = path.with_name("log.txt")  # no pipe: workers that live on would hold it open
    with log.open("w") as file:
        run = subprocess.Popen([str(c) for c in command], stderr=file)
        while run.poll() is None and log.read_text().count("check done") < 2:
            time.sleep(0.1)
        time.sleep(1)
        run.send_signal(number)
        return subprocess.CompletedProcess(command, run.wait(), "", log.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_the_workers_too(tmp_path: Path, number: int, code: int) -> None:
    out = tmp_path / "out"
    path = write(tmp_path, "a", "b", large=True, method="signflip", n_permutations=200_000)
    done = stopped(path, out, number)
    assert done.returncode == code and "--resume" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    time.sleep(1)
    before = sorted(out.rglob("*"))
    time.sleep(8)
    assert sorted(out.rglob("*")) == before
    plan = workflow.plan_config(path, out, resume=True).set_index(["cohort", "stage"])["action"]
    assert (plan.loc[:, "check"] == "keep").any() and (plan.loc[:, "differential"] == "run").any()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_folders_that_may_not_be_read(tmp_path: Path) -> None:
    path, out = write(tmp_path, "a"), tmp_path / "closed"
    out.mkdir(mode=0)
    for place in (out, out / "x"):
        with pytest.raises(InputError, match="Permission denied"):
            workflow.run_config(path, place)
