"""A run that stops goes on: stages kept by key, kill -9 at any moment, one run at a time."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from exerkine_omics import parallel, settings, workflow
from exerkine_omics.errors import (
    AnalysisError,
    CohortsFailedError,
    DiskError,
    InputError,
    UsageError,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "batch.yaml"


def trial(name: str, **changes: object) -> dict[str, object]:
    options = {"n_subjects": 24, "n_proteins": 30, "seed": 5}
    return {
        "name": name,
        "input": {"simulate": {"options": options}},
        "score": None,
        "enrich": None,
        "differential": {"control": "CON"},
        **changes,
    }


def write(folder: Path, *cohorts: dict[str, object], **more: object) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"seed": 3, "cohorts": list(cohorts), **more}))
    return path


def statuses(events: list[workflow.Event]) -> list[tuple[str, str, str]]:
    return [(e.cohort, e.stage, e.status) for e in events if e.status in ("done", "kept")]


def tables(out: Path) -> dict[str, pd.DataFrame]:
    """Every table of the results, the hidden folder left out."""
    files = [p for p in out.rglob("*.parquet") if ".exerkine" not in p.parts]
    return {p.relative_to(out).as_posix(): pd.read_parquet(p) for p in sorted(files)}


def assert_equal(one: Path, two: Path) -> None:
    left, right = tables(one), tables(two)
    assert list(left) == list(right) and left
    for name, frame in left.items():
        pd.testing.assert_frame_equal(frame, right[name], check_exact=True)
    for name in ("summary.json",):
        first, second = (json.loads((out / name).read_text()) for out in (one, two))
        assert first["cohorts"] == second["cohorts"] and first["meta"] == second["meta"]


def test_what_is_done_and_holds_is_kept(tmp_path: Path) -> None:
    out, events = tmp_path / "out", []
    path = write(tmp_path, trial("a"), trial("b"))
    workflow.run_config(path, out)
    workflow.run_config(path, out, resume=True, log=events.append)
    assert {s for _, _, s in statuses(events)} == {"kept"} and len(events) == 5
    # another option of one stage: that stage, and no other
    events.clear()
    write(tmp_path, trial("a"), trial("b", differential={"control": "EE"}))
    workflow.run_config(path, out, resume=True, log=events.append)
    done = [(c, s) for c, s, status in statuses(events) if status == "done"]
    assert done == [("b", "differential")]
    frame = pd.read_parquet(out / "b" / "differential.parquet")
    assert "CON - EE: post - pre" in set(frame["contrast"])
    # a title is no input of any stage, and is in the report nevertheless
    events.clear()
    write(tmp_path, trial("a", title="Another title"), trial("b", differential={"control": "EE"}))
    workflow.run_config(path, out, resume=True, log=events.append)
    assert {s for _, _, s in statuses(events)} == {"kept"}
    assert "Another title" in (out / "report.html").read_text()
    # without --resume all is done again
    events.clear()
    workflow.run_config(path, out, log=events.append)
    assert {s for _, _, s in statuses(events)} == {"done"}


def test_a_word_that_is_null_is_not_left_out(tmp_path: Path) -> None:
    """What is left out takes the call's default, and null does not: other numbers, other key."""
    keys = set()
    for section in ({}, {"method": None}, {"limits": None}):
        path = write(tmp_path, trial("a", prepare={"haemolysis": section}))
        (cohort,) = workflow.load_config(path).cohorts
        keys.add(workflow._keys.stage_keys(cohort, 1, workflow._keys.Digests())["check"])
    assert len(keys) == 3


def test_each_stage_depends_on_what_it_reads(tmp_path: Path) -> None:
    def keys(**changes: object) -> dict[str, str]:
        path = write(tmp_path, trial("a", **{"score": {}, "enrich": {}, **changes}))
        (cohort,) = workflow.load_config(path).cohorts
        return workflow._keys.stage_keys(cohort, 1, workflow._keys.Digests())

    before = keys()
    for changes, stages in (
        ({"score": {"method": "ulm"}}, {"score"}),
        ({"score": {"signatures": ["acute_hiit"]}}, {"score", "enrich"}),
        ({"differential": {"control": "EE"}}, {"score", "enrich", "differential"}),
        ({"differential": {"control": "CON", "method": "paired_t"}}, {"differential"}),
        ({"description": "words"}, set()),
    ):
        after = keys(**changes)
        assert {k for k in after if after[k] != before[k]} == stages


def test_from_a_stage_on(tmp_path: Path) -> None:
    out, events = tmp_path / "out", []
    path = write(tmp_path, trial("a", score={}))
    workflow.run_config(path, out)
    workflow.run_config(path, out, start="differential", log=events.append)
    assert statuses(events) == [
        ("a", "check", "kept"), ("a", "score", "kept"), ("a", "differential", "done"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="no stage 'diferential'"):
        workflow.run_config(path, out, start="diferential")


def test_another_input_or_a_touched_result_is_done_again(tmp_path: Path) -> None:
    out, events = tmp_path / "out", []
    part = trial("a", responders={
        "outcomes": "people.csv", "outcome": "VO2max", "unit": "mL/kg/min", "pre": "pre",
        "post": "post", "threshold": 1.0,
        "reliability": {"typical_error": 1.5, "source": "ours"},
    })  # fmt: skip
    people = pd.DataFrame({"subject_id": [f"S{i:03d}" for i in range(1, 25)], "pre": 40.0})
    people.assign(post=42.0).to_csv(tmp_path / "people.csv", index=False)
    path = write(tmp_path, part)
    workflow.run_config(path, out)
    assert len(json.loads((out / "provenance.json").read_text())["inputs"]["a"]) == 1
    people.assign(post=45.0).to_csv(tmp_path / "people.csv", index=False)
    workflow.run_config(path, out, resume=True, log=events.append)
    assert {s for _, _, s in statuses(events)} == {"done"}
    assert pd.read_parquet(out / "a" / "responders.parquet")["change"].eq(5).all()
    # results and what is kept are one file on disk: a change of it is seen, never reported
    with (out / "a" / "differential.parquet").open("ab") as file:
        file.write(b"x")
    events.clear()
    workflow.run_config(path, out, resume=True, log=events.append)
    assert [s for _, s, status in statuses(events) if status == "done"] == ["differential"]


def test_a_dry_run_says_what_and_why_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = write(tmp_path, trial("a"))
    frame = workflow.plan_config(path, out)
    assert frame["action"].tolist() == ["run", "run"] and not out.exists()
    assert frame["reason"].tolist() == ["not done yet"] * 2
    workflow.run_config(path, out)
    before = sorted(p.relative_to(out) for p in out.rglob("*"))
    assert workflow.plan_config(path, out, resume=True)["action"].tolist() == ["keep", "keep"]
    assert set(workflow.plan_config(path, out)["reason"]) == {"asked for without --resume"}
    write(tmp_path, trial("a", differential={"control": "EE"}))
    frame = workflow.plan_config(path, out, resume=True)
    assert frame["action"].tolist() == ["keep", "run"]
    assert frame["reason"].iloc[1] == "its config, input or versions changed"
    assert sorted(p.relative_to(out) for p in out.rglob("*")) == before


def test_a_failed_cohort_is_mended_without_doing_the_others_again(tmp_path: Path) -> None:
    out, events = tmp_path / "out", []
    path = write(tmp_path, trial("a"), trial("b", differential={"control": "XXX"}))
    with pytest.raises(CohortsFailedError):
        workflow.run_config(path, out)
    write(tmp_path, trial("a"), trial("b"))
    workflow.run_config(path, out, resume=True, log=events.append)
    done = [(c, s) for c, s, status in statuses(events) if status == "done"]
    assert done == [("b", "differential")]


def test_meta_pools_what_did_not_fail(tmp_path: Path) -> None:
    out = tmp_path / "out"
    cohorts = [
        trial("a"),
        trial("b", input={"simulate": {"options": {"n_subjects": 30, "n_proteins": 30}}}),
        trial("c", differential={"control": "XXX"}),
    ]
    contrasts = {"effect": dict.fromkeys("abc", "EE - CON: post - pre")}
    meta = [{"name": "all", "contrasts": contrasts}, {"name": "two", "cohorts": ["a", "c"]}]
    path = write(tmp_path, *cohorts, meta=meta)
    with pytest.raises(CohortsFailedError, match="1 of 3"):
        workflow.run_config(path, out)
    frame = pd.read_parquet(out / "meta" / "all.parquet")
    assert set(frame["contrast"]) == {"effect"} and frame["n_cohorts"].max() == 2
    summary = json.loads((out / "summary.json").read_text())["meta"]
    assert summary[0]["cohorts"] == ["a", "b"] and "'c' failed" in summary[0]["notes"][0]
    assert (out / summary[0]["figures"][0]["path"]).is_file()
    status = pd.read_csv(out / "status.tsv", sep="\t").set_index(["cohort", "stage"])["status"]
    assert status["meta", "all"] == "done" and status["meta", "two"] == "impossible"
    assert not (out / "meta" / "two.parquet").exists()
    bad = {"effect": {"a": "EE: late - pre", "b": "EE: post - pre"}}
    write(tmp_path, *cohorts[:2], meta=[{"name": "all", "contrasts": bad}])
    with pytest.raises(AnalysisError, match="all is not possible: a has no contrast 'EE: late"):
        workflow.run_config(path, out, resume=True)
    told = pd.read_csv(out / "status.tsv", sep="\t").set_index("stage").loc["all"]
    assert told["status"] == "impossible" and "no contrast 'EE: late - pre'" in told["message"]


def test_meta_by_a_column_and_its_bugs(tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "out"
    other = {"simulate": {"options": {"n_subjects": 30, "n_proteins": 30}}}
    cohorts = [trial("a"), trial("b", input=other)]
    path = write(tmp_path, *cohorts, meta=[{"name": "all", "features": "uniprot"}])
    workflow.run_config(path, out)
    frame = pd.read_parquet(out / "meta" / "all.parquet")
    assert (
        frame["feature"].str.fullmatch(r"[A-Z0-9]{6,10}").any() and (frame["n_cohorts"] == 2).any()
    )
    write(tmp_path, *cohorts, meta=[{"name": "all", "features": "uniport"}])
    with pytest.raises(AnalysisError, match="have no 'uniport'"):
        workflow.run_config(path, out, resume=True)

    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("by design")

    # the night's cohorts are not lost to a bug in what comes last
    monkeypatch.setattr(workflow._meta.tl, "meta", broken)
    write(tmp_path, *cohorts, meta=[{"name": "all"}])
    with pytest.raises(AnalysisError, match="bug of exerkine_omics: ZeroDivisionError"):
        workflow.run_config(path, tmp_path / "new")
    assert (tmp_path / "new" / "a" / "differential.parquet").is_file()


class Unportable(Exception):
    """An error of another library that pickle makes no second of."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def unportable(*args: object) -> None:
    raise Unportable("not for", "export")


def test_an_error_that_no_worker_can_send_home(tmp_path: Path, monkeypatch) -> None:
    path = write(tmp_path, trial("a"), trial("b"))
    monkeypatch.setitem(workflow._cohort._CALLS, "differential", ("differential", unportable))
    job = workflow._run._plan(
        workflow.load_config(path), workflow._store.Store.of(tmp_path / "o"), 1, 2,
        resume=False, start=None,
    ).jobs[0]  # fmt: skip
    outcome = pickle.loads(pickle.dumps(workflow._cohort.run_cohort(job)))
    assert "bug of exerkine_omics: Unportable: not forexport" in str(outcome.error)
    with pytest.raises(CohortsFailedError, match="the first: bug of exerkine_omics: Unportable"):
        workflow.run_config(path, tmp_path / "out")


HOLD = """
import sys, time
from pathlib import Path
from exerkine_omics.workflow._store import Store
with Store.of(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = write(tmp_path, trial("a"))
    workflow.run_config(path, out)
    before = tables(out)
    other = subprocess.Popen([sys.executable, "-c", HOLD, out], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"Another run works here .process {other.pid} on"):
            workflow.run_config(path, out)
    finally:
        other.kill()
        other.wait()
    assert list(tables(out)) == list(before)
    workflow.run_config(path, out, resume=True)  # the lock died with its process


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
from exerkine_omics.cli import main
main(["run", sys.argv[1], "-o", sys.argv[2], "--resume"])
"""


@pytest.mark.parametrize("most", [2_000, 100_000])
def test_a_disk_that_is_full(tmp_path: Path, most: int) -> None:
    """The kernel refuses files above a size, as it does on a full disk."""
    out = tmp_path / "out"
    path = write(tmp_path, trial("a"), trial("b"))
    workflow.run_config(path, out)
    before = tables(out)
    write(tmp_path, trial("a", keep_timepoints=["pre", "post"]), trial("b"))
    command = [sys.executable, "-c", FULL, path, out, str(most)]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 4, done.stderr
    assert "Cannot write" in done.stderr and "--resume goes on" in done.stderr
    assert most > 2_000 or "Traceback" not in done.stderr  # HDF5 grumbles over its own files
    after = tables(out)
    assert all(frame.equals(after[name]) for name, frame in before.items())
    workflow.run_config(path, out, resume=True)


def test_a_full_disk_stops_the_run_at_once(tmp_path: Path, monkeypatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setitem(workflow._cohort._CALLS, "differential", ("differential", full))
    with pytest.raises(DiskError, match="No space left"):
        workflow.run_config(write(tmp_path, trial("a"), trial("b")), tmp_path / "out")
    assert not (tmp_path / "out" / ".exerkine" / "b").exists()


def killed_and_resumed(path: Path, out: Path, longest: float, kills: int, seed: int) -> int:
    """Kill the run's process group again and again, then let it end; how many kills hit."""
    rng = random.Random(seed)
    command = [sys.executable, "-m", "exerkine_omics", "run", str(path), "-o", str(out), "--resume"]
    hit = 0
    for _ in range(kills):
        run = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(rng.uniform(0.3, longest))
        hit += run.poll() is None
        try:
            os.killpg(run.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        run.wait()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return hit


def test_killed_twice_and_resumed(tmp_path: Path) -> None:
    path = write(tmp_path, trial("a", score={}), trial("b"))
    workflow.run_config(path, tmp_path / "whole")
    assert killed_and_resumed(path, tmp_path / "out", 4.0, 2, seed=1)
    assert_equal(tmp_path / "whole", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*partial*"))


class Killed(BaseException):
    """Stands for kill -9: nothing catches it; what cleans up then is undone below."""


def test_killed_at_each_step_of_the_last_move(tmp_path: Path, monkeypatch) -> None:
    path = write(tmp_path, trial("a"), trial("b"))
    out = tmp_path / "out"
    workflow.run_config(path, out)
    workflow.run_config(path, tmp_path / "whole")
    real, left = {"replace": Path.replace, "rename": Path.rename}, [0]

    def counted(name: str):
        def call(self: Path, target: Path) -> object:
            if self.parent.name.startswith(".exerkine.partial-") or ".old" in str(target):
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
            return real[name](self, target)

        return call

    n_moves = 0
    while True:
        with monkeypatch.context() as patch:
            for name in real:
                patch.setattr(Path, name, counted(name))
            patch.setattr(shutil, "rmtree", lambda *args, **kwargs: None)
            left[0] = n_moves
            try:
                workflow.run_config(path, out, resume=True)
                break
            except Killed:
                n_moves += 1
        workflow.run_config(path, out, resume=True)
        assert_equal(tmp_path / "whole", out)
        assert not list(out.rglob("*partial*"))
    assert n_moves >= 8  # two folders and five files each way


@pytest.mark.slow
@pytest.mark.real_data
def test_five_cohorts_killed_at_twenty_moments(data_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "exerkine_omics", "run", str(EXAMPLE), "-o"]
    started = time.monotonic()
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    took = time.monotonic() - started
    hit = killed_and_resumed(EXAMPLE, tmp_path / "out", min(took / 3, 15.0), 20, seed=2)
    print(f"uninterrupted {took:.0f} s; {hit} of 20 kills hit a running process")
    assert hit >= 10
    assert_equal(tmp_path / "whole", tmp_path / "out")


@pytest.mark.slow
@pytest.mark.real_data
def test_five_cohorts_on_two_processes_and_a_broken_sixth(data_dir: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(EXAMPLE.read_text())
    workflow.run_config(write(tmp_path, *config["cohorts"], meta=config["meta"]), tmp_path / "one")
    broken = {"name": "broken", "input": {"file": {"path": "nowhere.adat"}}}
    path = write(tmp_path, *config["cohorts"], broken, meta=config["meta"])
    with pytest.raises(CohortsFailedError, match=r"1 of 6.*nowhere\.adat") as caught:
        workflow.run_config(path, tmp_path / "two", n_jobs=2)
    assert caught.value.exit_code == 6
    one, two = tables(tmp_path / "one"), tables(tmp_path / "two")
    assert list(one) == list(two)
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, two[name], check_exact=True)
    page = (tmp_path / "two" / "report.html").read_text()
    assert "nowhere.adat" in page and "Both trials" in page


@pytest.mark.slow
@pytest.mark.real_data
def test_five_cohorts_on_a_cluster_that_loses_a_worker(data_dir: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs exerkine_omics[dask]")
    workflow.run_config(EXAMPLE, tmp_path / "serial")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        before = client.run(os.getpid)
        command = [sys.executable, "-m", "exerkine_omics", "run", str(EXAMPLE)]
        command += ["-o", str(tmp_path / "out"), "--scheduler", cluster.scheduler_address]
        run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        killed = False
        for line in run.stderr or ():
            if "trial_a: check" in line and not killed:  # half of the cohorts are done
                os.kill(next(iter(before.values())), signal.SIGKILL)
                killed = True
        assert run.wait() == 0 and killed
        assert set(client.run(os.getpid).values()) != set(before.values())
    assert_equal(tmp_path / "serial", tmp_path / "out")


def test_a_cluster_gives_the_tables_of_a_serial_run(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="needs exerkine_omics[dask]")
    path = write(tmp_path, trial("a"), trial("b"))
    workflow.run_config(path, tmp_path / "serial")
    with settings.override(scheduler="local:2"):
        workflow.run_config(path, tmp_path / "out")
    parallel.close()
    assert_equal(tmp_path / "serial", tmp_path / "out")
