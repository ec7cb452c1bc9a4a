"""Habits of the API: completion, notebook views, progress, whose line is blamed, types."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import sys
import time
import traceback
import warnings
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics import parallel

ROOMS = ("io", "pp", "sig", "tl", "ml", "pl", "get", "datasets")
VOID = {"br", "hr", "img", "col", "meta", "input"}
RULE: dict[str, Any] = {
    "pre": "vo2max_pre",
    "post": "vo2max_post",
    "arm": "arm",
    "control": "CON",
    "reliability": "control",
    "threshold": 1.0,
}


@pytest.fixture(scope="module")
def cohort():
    return exo.datasets.simulate(40, n_proteins=12, n_metabolites=0, n_mirna=0, seed=1)


# completion


@pytest.mark.quick
def test_completion_finds_rooms_and_settings() -> None:
    assert set(exo.__all__) <= set(dir(exo))
    assert {*ROOMS, "Reliability", "ResponseSpec", "settings", "errors", "schema"} <= set(dir(exo))
    for name in exo.__all__:
        assert getattr(exo, name) is not None


@pytest.mark.quick
@pytest.mark.parametrize("room", ROOMS)
def test_completion_finds_every_call_of_a_room_and_nothing_else(room: str) -> None:
    module = getattr(exo, room)
    offered = [name for name in dir(module) if not name.startswith("_")]
    assert offered and len(set(offered)) == len(offered)
    for name in offered:
        thing = getattr(module, name)
        # a submodule of the same name would stand in the way of its function
        assert not inspect.ismodule(thing), f"{room}.{name}"
        if callable(thing):
            assert inspect.getdoc(thing), f"{room}.{name} has no docstring"


@pytest.mark.parametrize("room", ROOMS)
def test_shift_tab_tells_types_of_every_parameter(room: str) -> None:
    module = getattr(exo, room)
    for name in dir(module):
        thing = getattr(module, name)
        if not inspect.isfunction(thing):
            continue
        signature = inspect.signature(thing)
        bare = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
        assert not bare, f"{room}.{name}: {bare}"
        assert signature.return_annotation is not signature.empty, f"{room}.{name}"


def test_results_offer_their_fields(cohort) -> None:
    report, pairs = exo.pp.check(cohort.adata), exo.pp.pair(cohort.adata)
    assert {"errors", "warnings", "to_frame"} <= set(dir(report))
    assert {"counts", "dropped", "frame"} <= set(dir(pairs))
    assert {"query", "coverage", "to_gmt", "to_network", "to_frame"} <= set(dir(exo.sig.load()))


def test_signatures_complete_their_names() -> None:
    sigs = exo.sig.load()
    assert "il6_anti_inflammatory_cascade" in list(sigs)
    complete = getattr(sigs, "_ipython_key_completions_", None)
    assert complete is not None and list(complete()) == list(sigs)


# what a notebook shows


class Balance(HTMLParser):
    """Tags opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag


def well_formed(text: str) -> bool:
    parser = Balance()
    parser.feed(text)
    parser.close()
    return not parser.open


def results(cohort) -> dict[str, Any]:
    people = cohort.outcomes.set_index("subject_id")
    change = people["vo2max_post"] - people["vo2max_pre"]
    responses = exo.tl.responders(cohort.outcomes, **RULE)
    evaluated = exo.ml.evaluate(
        cohort.adata, (exo.ResponseSpec(**RULE), cohort.outcomes), outer=(3, 1), inner=3,
        n_permutations=0, n_bootstrap=50, seed=1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tailored = exo.ml.tailor(
            cohort.adata, change, "arm", randomised=True, repeats=1, folds=3, seed=1
        )
    profile = exo.tl.responder_profile(cohort.outcomes, {"VO2max": exo.ResponseSpec(**RULE)})
    return {
        "CheckReport": exo.pp.check(cohort.adata),
        "PairTable": exo.pp.pair(cohort.adata),
        "SignatureSet": exo.sig.load(),
        "ResponderResult": responses,
        "ResponderProfile": profile,
        "PredictionResult": evaluated,
        "ResponseModel": evaluated.fit("omics"),
        "TailorResult": tailored,
    }


def test_every_result_has_a_view_for_notebooks(cohort) -> None:
    for name, result in results(cohort).items():
        assert type(result).__name__ == name
        page, text = result._repr_html_(), repr(result)
        assert well_formed(page), name
        assert len(text) < 10_000 and " object at 0x" not in text, name
        # the view holds the verdict or the numbers of the text, not another story
        words = re.findall(r"[A-Za-z]{4,}", text)[1:6]
        assert any(word in page for word in words), (name, words)


def test_a_name_with_a_tag_in_it_is_text(cohort) -> None:
    adata = cohort.adata.copy()
    evil = "<script>alert(1)</script>"
    adata.obs["subject_id"] = adata.obs["subject_id"].astype(str)
    adata.obs.loc[adata.obs["subject_id"] == "S001", "subject_id"] = evil
    adata = adata[~((adata.obs["subject_id"] == evil) & (adata.obs["timepoint"] == "pre"))].copy()
    page = exo.pp.check(adata)._repr_html_()
    assert "&lt;script&gt;" in page and "<script>" not in page
    outcomes = cohort.outcomes.replace({"arm": {"EE": evil}})
    page = exo.tl.responders(outcomes, **RULE)._repr_html_()
    assert "<script>" not in page


# progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def shown_while(monkeypatch: pytest.MonkeyPatch, seconds: float, progress: bool = True) -> str:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with exo.settings.override(progress=progress):
        parallel.run(nap, [(seconds / 6,)] * 6, n_jobs=1, progress="naps")
    return terminal.getvalue()


def test_more_than_two_seconds_show_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "naps" in shown_while(monkeypatch, 3.0)


def test_less_shows_none_and_the_setting_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_while(monkeypatch, 0.2) == ""
    assert shown_while(monkeypatch, 2.6, progress=False) == ""


LONG = {
    "best_member": lambda c: exo.tl.best_member(
        c.adata, {"a": list(c.adata.var_names[:4]), "b": list(c.adata.var_names[4:8])},
        control="CON", n_boot=100,
    ),
    "evaluate": lambda c: exo.ml.evaluate(
        c.adata, (exo.ResponseSpec(**RULE), c.outcomes), outer=(3, 2), inner=3,
        n_permutations=2, n_bootstrap=50, seed=1,
    ),
    "tailor": lambda c: exo.ml.tailor(
        c.adata, c.outcomes.set_index("subject_id")["vo2max_post"], "arm", randomised=True,
        repeats=2, folds=3, seed=1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
def test_calls_that_can_take_long_name_their_bar(name, cohort, monkeypatch) -> None:
    labels = []
    seen = parallel._bar
    monkeypatch.setattr(
        parallel, "_bar", lambda items, label, n: (labels.append(label), seen(items, label, n))[1]
    )
    LONG[name](cohort)
    assert any(labels), labels


def test_nothing_is_printed(cohort) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        adata = cohort.adata.copy()
        exo.pp.check(adata)
        exo.tl.score(adata, {"a": list(adata.var_names[:5])})
        exo.tl.differential(adata, control="CON", variance="contrast")
        exo.tl.responders(cohort.outcomes, **RULE)
    assert out.getvalue() == err.getvalue() == ""


# whose line it was


def short_of_members(adata):
    exo.tl.score(adata, {"a": [*adata.var_names[:2], "x", "y", "z"]}, method="ssgsea")


WARN = {
    "tl.score": short_of_members,
    "ResponseSpec": lambda adata: exo.ResponseSpec(**RULE, label_rule="quantile"),
    "pp.lod": lambda adata: exo.pp.lod(
        adata, lod=pd.Series([np.nan, *np.zeros(adata.n_vars - 1)], adata.var_names)
    ),
    "tl.differential": lambda adata: exo.tl.differential(adata, control="CON"),
}


@pytest.mark.parametrize("name", WARN)
def test_warnings_point_at_the_users_line(name, cohort) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        WARN[name](cohort.adata.copy())
    own = [w for w in caught if issubclass(w.category, exo.errors.ExerkineWarning)]
    assert own, name
    assert {w.filename for w in own} == {__file__}, name


WRONG = {
    "io.from_frames": lambda a: exo.io.from_frames(
        a.to_df(), a.obs, subject="nobody", timepoint="timepoint", baseline="pre", units="NPX",
        modality="proteomics",
    ),
    "pp.normalize": lambda a: exo.pp.normalize(a, "loudness"),
    "tl.differential": lambda a: exo.tl.differential(a, control="CONTROL"),
    "tl.score": lambda a: exo.tl.score(a, method="best"),
    "sig.query": lambda a: exo.sig.load().query(mode="endurance"),
    "datasets.load": lambda a: exo.datasets.load("nothing"),
    "pl.volcano": lambda a: exo.pl.volcano(
        exo.tl.differential(a, method="paired_t"), contrast="a - b"
    ),
    "settings": lambda a: setattr(exo.settings, "jobs", 2),
    "ml.evaluate": lambda a: exo.ml.evaluate(a, "vo2max"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_ours_and_say_what_to_do(name, cohort) -> None:
    with pytest.raises(exo.errors.ExerkineError) as caught:
        WRONG[name](cohort.adata.copy())
    error = caught.value
    assert 20 < len(str(error)) < 600
    # the user's call is the last frame of a traceback that is not the package's own
    frames = traceback.extract_tb(error.__traceback__)
    outside = [f for f in frames if "exerkine_omics/" not in f.filename.replace("\\", "/")]
    assert outside[-1].filename == __file__


def test_a_misspelt_keyword_is_pythons_own_error(cohort) -> None:
    with pytest.raises(TypeError, match="contrl"):
        exo.tl.differential(cohort.adata, contrl="CON")


# types


@pytest.mark.quick
def test_types_are_shipped() -> None:
    assert (files("exerkine_omics") / "py.typed").is_file()


@pytest.mark.slow
def test_a_type_checker_sees_the_rooms(tmp_path) -> None:
    api = pytest.importorskip("mypy.api")
    script = tmp_path / "user.py"
    script.write_text(
        "import exerkine_omics as exo\n"
        "reveal_type(exo.pp.check)\n"
        "reveal_type(exo.tl.responders)\n"
        "exo.tl.no_such_call\n"
    )
    out, _, code = api.run(
        ["--ignore-missing-imports", "--follow-imports=silent", "--no-incremental",
         "--cache-dir", str(tmp_path / "cache"), str(script)]
    )  # fmt: skip
    assert "CheckReport" in out and "ResponderResult" in out
    assert 'has no attribute "no_such_call"' in out and code == 1
