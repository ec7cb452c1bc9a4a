"""The contract that the whole package keeps: names, import law, sizes, docstrings, manners."""

from __future__ import annotations

import ast
import importlib
import inspect
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import exerkine_omics as exo
from exerkine_omics import errors, schema

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "exerkine_omics"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("io", "pp", "sig", "tl", "ml", "pl", "get", "datasets")

PUBLIC = {
    "io": {
        "from_frames",
        "read_table",
        "set_samples",
        "state",
        "read",
        "read_olink",
        "read_adat",
        "read_mwtab",
        "read_metabolon",
        "read_biocrates",
        "read_cq",
        "read_counts",
        "show_formats",
        "write",
    },
    "pp": {
        "check",
        "clean",
        "normalize",
        "bridge",
        "combat",
        "plasma_volume",
        "haemolysis",
        "annotate",
        "join",
        "pair",
        "delta",
        "log2",
        "concat",
        "lod",
        "detection",
        "filter_features",
        "impute",
        "pca",
        "outliers",
        "swaps",
    },
    "sig": {"load"},
    "tl": {
        "score",
        "score_change",
        "differential",
        "enrich",
        "responders",
        "responder_profile",
        "label_rates",
        "check_design",
        "plan_response",
        "plan_change",
        "plan_features",
        "plan_prediction",
        "meta",
        "summarize",
        "pool",
        "associate",
        "time_course",
        "crossover",
        "area_under_curve",
        "best_member",
        "score_confounders",
        "contributions",
        "change_contributions",
        "show_methods",
    },
    "ml": {"evaluate", "load", "Imputer", "SignatureScorer", "PredictionResult", "ResponseModel"},
    "pl": {
        "volcano",
        "trajectory",
        "score_change",
        "responders",
        "roc",
        "calibration",
        "conformal",
        "decision_curve",
        "importance",
        "learning_curve",
        "performance",
        "policy_value",
        "coverage",
        "qc",
        "pca",
        "baseline_change",
        "arm_variances",
        "responder_profile",
        "plan",
        "forest",
        "heatmap",
        "contributions",
        "enrichment",
    },
    "get": {"scores", "score_reference", "differential", "pairs", "coverage"},
    "datasets": {"simulate", "load"},
}
# libraries that are slow to load: imported inside functions only
LATE = {"sklearn", "seaborn", "statsmodels", "skops", "plotly"}
# but for files whose class must inherit scikit-learn's; they are loaded with the room ml alone
EARLY = {
    PACKAGE / "ml" / "_signature_scorer.py": {"sklearn"},
    PACKAGE / "ml" / "_normalizer.py": {"sklearn"},
    PACKAGE / "ml" / "_imputer.py": {"sklearn"},
}


def room_functions() -> list[tuple[str, object]]:
    found = []
    for room in ROOMS:
        module = importlib.import_module(f"exerkine_omics.{room}")
        for name in module.__all__:
            found.append((f"{room}.{name}", getattr(module, name)))
    return found


@pytest.mark.quick
def test_public_names() -> None:
    for room, names in PUBLIC.items():
        module = getattr(exo, room)
        assert names <= set(module.__all__), room
        assert module.__dir__() == module.__all__, room
        assert len(set(module.__all__)) == len(module.__all__)
    assert {"settings", "errors", "schema", "Reliability", "ResponseSpec", *ROOMS} <= set(dir(exo))
    assert exo.settings.__class__.__name__ == "Settings"
    with pytest.raises(AttributeError, match="nothing"):
        _ = exo.nothing


@pytest.mark.quick
def test_exit_codes() -> None:
    codes = {
        "UsageError": 2,
        "ConfigError": 3,
        "InputError": 4,
        "UnitsError": 4,
        "AnalysisError": 5,
        "CohortsFailedError": 6,
    }
    assert {name: getattr(errors, name).exit_code for name in codes} == codes


def test_import_law() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--config", "pyproject.toml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_slow_libraries_are_imported_late() -> None:
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            modules = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            heads = {m.split(".")[0] for m in modules}
            assert not heads & (LATE - EARLY.get(path, set())), path


@pytest.mark.quick
def test_only_ml_loads_what_is_slow() -> None:
    code = (
        "import sys, exerkine_omics as exo\n"
        "for room in ('io', 'pp', 'sig', 'tl', 'get'):\n    getattr(exo, room)\n"
        f"loaded = {LATE!r} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "assert 'exerkine_omics.ml' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.quick
def test_help_is_light() -> None:
    """`exerkine --help` loads none of the heavy libraries."""
    code = (
        "import sys\n"
        "from exerkine_omics.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as done:\n    assert not done.code\n"
        "heavy = {'sklearn', 'seaborn', 'statsmodels', 'anndata', 'pandas', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_file_sizes() -> None:
    lengths = {p: len(p.read_text().splitlines()) for p in FILES}
    assert max(lengths.values()) <= 400, max(lengths, key=lengths.get)
    assert statistics.median(lengths.values()) <= 200
    tests = {p: len(p.read_text().splitlines()) for p in (ROOT / "tests").rglob("*.py")}
    assert max(tests.values()) <= 600, max(tests, key=tests.get)


def test_files_do_not_shadow_functions() -> None:
    for room in PUBLIC:
        folder = PACKAGE / room
        if folder.is_dir():
            public = [p for p in folder.glob("*.py") if not p.name.startswith("_")]
            assert not public, public


def test_manners() -> None:
    """No print, assert, logging set-up or warning filter in the library."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Assert), path
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in ("print", "logging.basicConfig", "warnings.simplefilter"), path
                assert name != "warnings.filterwarnings", path


def test_keys_are_spelt_in_schema_only() -> None:
    """obs, obsm, layers and uns are indexed by names of schema, not by strings."""
    for path in FILES:
        if path.name == "schema.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Attribute)
                and node.value.attr in ("obs", "obsm", "layers", "uns")
                and isinstance(node.slice, ast.Constant)
                and isinstance(node.slice.value, str)
            ):
                raise AssertionError(f"{path}:{node.lineno}: {ast.unparse(node)}")


@pytest.mark.parametrize(
    ("name", "thing"), room_functions(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_docstrings(name: str, thing: object) -> None:
    from numpydoc.validate import validate

    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return
    assert inspect.getdoc(thing), name
    result = validate(f"{thing.__module__}.{thing.__qualname__}")
    # signature carries the types (PR06-PR10 speak of types); sections that a short one lacks
    wanted = {"GL03", "GL08", "SS02", "SS03", "SS05", "PR01", "PR02", "RT03"}
    if not inspect.isfunction(thing):
        wanted -= {"PR01", "PR02"}
    problems = [e for e in result["errors"] if e[0] in wanted]
    assert not problems, (name, problems)


def test_result_columns() -> None:
    assert (
        list(schema.RESULT_COLUMNS)
        == (
            "feature contrast estimate se df statistic p_value p_adj ci_low ci_high effect_size "
            "n_pairs n_obs method units family status"
        ).split()
    )


def test_style_and_types() -> None:
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        tool = Path(sys.executable).with_name(command[0])
        done = subprocess.run([str(tool), *command[1:]], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
