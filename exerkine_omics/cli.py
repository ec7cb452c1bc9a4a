"""The command line: ``exerkine demo``, ``run``, ``check``, ``pool`` and the others.

Only what the help needs is imported at the top: the rest is loaded by the command that uses it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from exerkine_omics import __version__
from exerkine_omics._cli_signatures import print_rows, print_table, signatures_app
from exerkine_omics.errors import DiskError, ExerkineError

app = typer.Typer(
    name="exerkine",
    help="Score, test and predict from exerkine profiles before and after exercise.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(signatures_app, name="signatures")

Out = Annotated[Path, typer.Option("-o", "--out", help="Folder of the results.")]
Seed = Annotated[int | None, typer.Option(help="Seed of all random numbers.", min=0)]
Jobs = Annotated[int | None, typer.Option("--n-jobs", help="Processes; -1 is all cores.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
Json = Annotated[bool, typer.Option("--log-json", help="A JSON object a line on stderr.")]


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    _state.update(debug=debug, stopped=False, json=False)


_state = {"debug": False, "stopped": False, "json": False}
_INTERRUPTED, _TERMINATED = 130, 143  # as a shell tells of SIGINT and SIGTERM


@app.command()
def demo(
    out: Out, seed: Seed = None, n_jobs: Jobs = None, quiet: Quiet = False, log_json: Json = False
) -> None:
    """Run the main job on the embedded simulated cohort."""
    from exerkine_omics.workflow import count_stages, demo_config, run, showing

    _state["json"] = log_json
    config = demo_config()
    with showing(count_stages(config), quiet=quiet, as_json=log_json) as log:
        path = run(config, out, config_path="demo", seed=seed, n_jobs=n_jobs, log=log)
    typer.echo(path)


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="YAML file, see exerkine init and examples/.")],
    out: Out,
    seed: Seed = None,
    n_jobs: Jobs = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the stages that are done and still hold.")
    ] = False,
    start: Annotated[
        str | None, typer.Option("--from", help="Keep what is before this stage, redo the rest.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and why; write nothing.")
    ] = False,
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, such as tcp://host:8786.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="A Dask cluster on this machine: local:4 is 4 processes.")
    ] = None,
    quiet: Quiet = False,
    log_json: Json = False,
) -> None:
    """Run all cohorts of a config and write the report."""
    from exerkine_omics.errors import UsageError
    from exerkine_omics.settings import settings
    from exerkine_omics.workflow import count_stages, load_config, plan_config, showing
    from exerkine_omics.workflow import run as run_cohorts

    _state["json"] = log_json
    if scheduler and cluster:
        raise UsageError("--scheduler and --cluster are two ways to say the same", fix="Give one.")
    if dry_run:
        frame = plan_config(config, out, seed=seed, resume=resume, start=start)
        print_table("What would be done", frame)
        return
    checked = load_config(config)
    with (
        settings.override(scheduler=scheduler or cluster or settings.scheduler),
        showing(count_stages(checked), quiet=quiet, as_json=log_json) as log,
    ):
        path = run_cohorts(
            checked, out, config_path=str(config), seed=seed, n_jobs=n_jobs, resume=resume,
            start=start, log=log,
        )  # fmt: skip
    typer.echo(path)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a config, for editors that complete and check."""
    import json

    from exerkine_omics.workflow import RunConfig

    typer.echo(json.dumps(RunConfig.model_json_schema(), indent=1))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder with your data files.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Config to write; else FOLDER/exerkine.yaml.")
    ] = None,
) -> None:
    """Write a commented config for the files of a folder; what was guessed is marked."""
    from exerkine_omics.workflow import init_config

    path, told = init_config(folder, out)
    typer.echo(told, err=True)
    typer.echo(path)


@app.command()
def report(
    out: Annotated[Path, typer.Argument(help="Folder of results.")],
) -> None:
    """Write the report of a folder of results again."""
    from exerkine_omics.workflow import write_report

    typer.echo(write_report(out))


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A vendor's file, a plain table, h5ad or zarr.")],
    sample_sheet: Annotated[Path | None, typer.Option(help="Samples, joined by id.")] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Also write it: a .html or .json file.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="Vendor format, where the content is not recognised.")
    ] = None,
    subject: Annotated[str, typer.Option(help="Column with the person.")] = "subject_id",
    timepoint: Annotated[str, typer.Option(help="Column with the time point.")] = "timepoint",
    baseline: Annotated[str, typer.Option(help="The baseline time point.")] = "pre",
    arm: Annotated[str | None, typer.Option(help="Column with the arm.")] = None,
    units: Annotated[str | None, typer.Option(help="Unit of a plain table.")] = None,
    modality: Annotated[
        str | None, typer.Option(help="Of a plain table: proteomics, metabolomics, mirna.")
    ] = None,
    orientation: Annotated[
        str | None, typer.Option(help="Of a plain table: samples or features in rows.")
    ] = None,
    species: Annotated[str | None, typer.Option(help="Species of the samples.")] = None,
    matrix_type: Annotated[str | None, typer.Option(help="plasma_edta, serum, ...")] = None,
) -> None:
    """Read a file and say what is wrong with it; exits with 4 if anything is an error."""
    from exerkine_omics.workflow import check_file

    summary = check_file(
        file,
        sample_sheet,
        subject=subject,
        timepoint=timepoint,
        baseline=baseline,
        arm=arm,
        out=out,
        format=format,
        units=units,
        modality=modality,
        orientation=orientation,
        species=species,
        matrix_type=matrix_type,
    )
    told = ("format", "modality", "units", "species", "matrix")
    typer.echo(
        f"{summary['file']}: {summary['n_samples']} samples x {summary['n_features']} features, "
        + ", ".join(f"{k} {summary[k]}" for k in told),
        err=True,
    )
    columns = ("severity", "id", "message", "n_rows", "fix", "call")
    print_rows("Findings", columns, [[f[c] for c in columns] for f in summary["findings"]])
    if summary["n_errors"]:
        raise typer.Exit(4)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A model.skops of exerkine run.")],
    data: Annotated[Path, typer.Argument(help="New people: a vendor's file, h5ad or zarr.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Also write it as csv.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Checksum that the model must have.")] = None,
    clinical: Annotated[
        Path | None, typer.Option(help="A row a person, column subject_id; else the samples.")
    ] = None,
    sample_sheet: Annotated[Path | None, typer.Option(help="Samples, joined by id.")] = None,
    subject: Annotated[str | None, typer.Option(help="Column with the person.")] = None,
    timepoint: Annotated[str | None, typer.Option(help="Column with the time point.")] = None,
    baseline: Annotated[str | None, typer.Option(help="The baseline time point.")] = None,
    units: Annotated[str | None, typer.Option(help="Unit of a plain table.")] = None,
    modality: Annotated[str | None, typer.Option(help="Of a plain table.")] = None,
) -> None:
    """Predict new people from a model file; who cannot be predicted is told with the reason."""
    from exerkine_omics.workflow import predict_file

    frame = predict_file(
        model,
        data,
        sha256=sha256,
        clinical=clinical,
        out=out,
        samples=sample_sheet,
        subject=subject,
        timepoint=timepoint,
        baseline=baseline,
        units=units,
        modality=modality,
    )
    print_table("Predictions", frame)


@app.command()
def summarize(
    config: Annotated[Path, typer.Argument(help="YAML file, see examples/.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write (.npz).")],
    cohort: Annotated[str | None, typer.Option(help="Cohort, where there are several.")] = None,
    min_people: Annotated[int, typer.Option(help="Fewest people behind a sum.", min=1)] = 5,
    share_covariates: Annotated[
        bool, typer.Option(help="Let covariates leave: single values may be worked out.")
    ] = False,
    seed: Seed = None,
) -> None:
    """Write the sums of a cohort that other sites may have: no rows of people."""
    from exerkine_omics.workflow import summarize_config

    path, told = summarize_config(
        config,
        out,
        cohort=cohort,
        min_people=min_people,
        share_covariates=share_covariates,
        seed=seed,
    )
    typer.echo(told, err=True)
    typer.echo(path)


@app.command()
def pool(
    files: Annotated[list[Path], typer.Argument(help="Files of exerkine summarize.")],
    out: Out,
    control: Annotated[str | None, typer.Option(help="Arm whose change is subtracted.")] = None,
    contrast: Annotated[
        list[str] | None, typer.Option(help="NAME=EXPRESSION over cells; may be repeated.")
    ] = None,
    ddf: Annotated[str | None, typer.Option(help="kenward-roger, satterthwaite, residual.")] = None,
    joint: Annotated[bool, typer.Option(help="Add the joint F tests.")] = False,
    moderate: Annotated[bool, typer.Option(help="Squeeze residual variances.")] = False,
    baseline: Annotated[str | None, typer.Option(help="free, constrained.")] = None,
    site: Annotated[bool, typer.Option(help="A level for each site.")] = True,
    common: Annotated[bool, typer.Option(help="Pool the features all sites have.")] = False,
) -> None:
    """Test change in all sites together, from their summaries."""
    from exerkine_omics.errors import UsageError
    from exerkine_omics.workflow import pool_files

    named = [text.partition("=") for text in contrast or []]
    if not all(name and expression for name, _, expression in named):
        raise UsageError("A contrast is NAME=EXPRESSION", where="--contrast")
    if len({name.strip() for name, _, _ in named}) < len(named):
        raise UsageError("A contrast is named twice", where="--contrast")
    path = pool_files(
        files,
        out,
        contrasts={name.strip(): text for name, _, text in named} or None,
        control=control,
        ddf=ddf,
        joint=joint,
        moderate=moderate or None,
        baseline=baseline,
        site=site,
        common=common,
    )
    typer.echo(path)


def _tell(text: str, message: str = "") -> None:
    """Say how a command ended; as an event where events are JSON."""
    if _state["json"]:
        from exerkine_omics.workflow import Event, showing

        with showing(0, as_json=True) as log:
            log(Event("", "run", "failed", message=message or text))  # type: ignore[misc]
    else:
        typer.echo(text, err=True)


def _stop(*_: object) -> None:
    _state["stopped"] = True
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> None:
    """Run the command line; an error a user can cause is one message and its exit code."""
    try:
        # kill and a cluster's time limit: workers are ended, and nothing half-written is left
        signal.signal(signal.SIGTERM, _stop)
    except ValueError:  # not the main thread: whoever made it sees to signals
        pass
    try:
        app(argv)
    except SystemExit as done:
        if done.code != _INTERRUPTED:  # what typer makes of KeyboardInterrupt
            raise
        _tell("Interrupted; exerkine run goes on with --resume.")
        sys.exit(_TERMINATED if _state["stopped"] else _INTERRUPTED)
    except ExerkineError as error:
        if _state["debug"]:
            raise
        _tell(f"Error: {error}", str(error))
        if isinstance(error, DiskError):
            # HDF5 crashes when Python ends, over a file that it could not finish
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(error.exit_code)
        sys.exit(error.exit_code)
    except Exception as error:
        if _state["debug"]:
            raise
        _tell(f"Bug: {type(error).__name__}: {error}\nRun 'exerkine --debug ...' and report it.")
        sys.exit(1)
