"""One self-contained HTML page from the summary of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exerkine_omics.cohort import write_text
from exerkine_omics.errors import InputError
from exerkine_omics.report import _data, _format
from exerkine_omics.report._assets import Assets
from exerkine_omics.report._figures import embed
from exerkine_omics.report._flow import flow
from exerkine_omics.report._summary import validate

_FILTERS = {
    "num": _format.number,
    "p": _format.p_value,
    "pct": _format.percent,
    "raw": _format.raw,
    "duration": _format.duration,
    "estimate_unit": _format.estimate_unit,
    "score_unit": _format.score_unit,
    "plain": _format.plain,
    "script_json": _data.script_json,
    "titles": _data.titles,
}


def render(summary: Mapping[str, Any], path: str | Path) -> Path:
    """Write the report of a run as one HTML page.

    Use it at the end of a batch, or to write the page again from a stored summary. The page
    needs no network: style, scripts and pictures are inside it, and its content security policy
    forbids every request. All text is escaped. Without scripts, and on paper, the tables and the
    pictures of the summary stand where the searchable ones are drawn otherwise.

    Parameters
    ----------
    summary
        Dict of the form of `Summary`.
    path
        Where the page goes; figures named by relative path are looked for beside it.

    Returns
    -------
    Path
        The page. It appears whole or not at all.

    Raises
    ------
    InputError
        If the summary does not fit its form, a figure cannot be read, or the page cannot be
        written.

    Notes
    -----
    Missing values: a number that is None or NaN is an en dash, with the reason on hover and in
    the status column where the summary has one.
    """
    validate(summary)
    target = Path(path)
    html = (
        _environment(target.parent)
        .get_template("template.html.jinja")
        .render(run=summary, cohorts=[_with_anchor(i, c) for i, c in enumerate(summary["cohorts"])])
    )
    _write_whole(html, target)
    return target


def render_check(summary: Mapping[str, Any]) -> str:
    """Return the page of one checked file.

    Use it on what ``exerkine check`` knows of a file; all text is escaped, nothing is loaded.

    Parameters
    ----------
    summary
        Mapping with file, n_samples, n_features, format, platform, modality, units, species,
        matrix and ``findings`` (severity, message, n_rows, rows, fix, call).

    Returns
    -------
    str
        HTML.
    """
    return page("check.html.jinja", file=summary)


def page(template: str, **values: Any) -> str:
    """Return a page of its own, all text escaped."""
    return str(_environment(Path()).get_template(template).render(**values))


def _environment(folder: Path) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    environment.globals.update(
        interval=_format.interval,
        pair_range=_format.pair_range,
        known=_format.known,
        assets=Assets(),
        explorer=_data.explorer,
        table_of=_data.table_of,
        flow=flow,
        embed=lambda picture: embed(picture, folder),
    )
    return environment


def _with_anchor(number: int, cohort: Mapping[str, Any]) -> dict[str, Any]:
    """Add what the page shows of a cohort beside its summary: anchor, title, counts, sections."""
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    for finding in cohort.get("findings", ()):
        counts[finding["severity"]] += 1
    done = cohort["status"] == "done"
    return {
        **cohort,
        "anchor": f"cohort-{number + 1}",
        "shown_title": cohort.get("title") or cohort["name"],
        "counts": counts,
        "sections": [(key, words) for key, words, there in _sections(cohort) if there and done],
    }


def _sections(cohort: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Key, heading, and whether there is anything to tell."""
    kinds = {part["kind"] for part in cohort.get("prediction") or ()}
    predicted = "Association with the response" if kinds == {"association"} else ""
    return [
        ("flow", "Samples, people, pairs", True),
        ("qc", "Checks and quality", True),
        ("scores", "Signature scores", cohort.get("scores")),
        ("differential", "Tests of single features", cohort.get("differential")),
        ("responders", "Individual responses", cohort.get("responders")),
        ("prediction", predicted or "Prediction of the response", cohort.get("prediction")),
        ("methods", "Methods", cohort.get("methods") or cohort.get("references")),
    ]


def _write_whole(text: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)
    except OSError as error:
        raise InputError(
            f"The report cannot be written to {str(target)!r}: {error.strerror}",
            where="path",
            fix="Name a file in a folder you may write to.",
        ) from None
