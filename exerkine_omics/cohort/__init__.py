"""What is known of a cohort: findings, units, steps, design, pairs, response, results."""

from exerkine_omics.cohort._concat import concat
from exerkine_omics.cohort._contrasts import (
    Cell,
    Contrast,
    Contrasts,
    choose_contrasts,
    moderated_contrasts,
    parse_contrasts,
)
from exerkine_omics.cohort._covariates import numeric_weights
from exerkine_omics.cohort._design import Design, arm_column, build_design, cell_columns
from exerkine_omics.cohort._files import write_text, write_whole
from exerkine_omics.cohort._findings import (
    CheckReport,
    Finding,
    carried_findings,
    findings_frame,
    findings_from_frame,
    matrix_unknown,
    replace_findings,
)
from exerkine_omics.cohort._join import join
from exerkine_omics.cohort._matrix import (
    Matrix,
    Stored,
    detected,
    empty_samples,
    feature_blocks,
    matrix,
    require_same_members,
    require_testable,
    take_samples,
)
from exerkine_omics.cohort._meta import (
    add_step,
    baseline,
    dense,
    editable,
    meta,
    persons_tubes,
    require_columns,
    require_log,
    require_people,
    require_slug,
    require_units,
    require_values,
    rescaled_since,
    sample_scaling,
    timepoints,
    units,
)
from exerkine_omics.cohort._pairs import PairTable, make_pairs
from exerkine_omics.cohort._plain import levels, plain
from exerkine_omics.cohort._reliability import Reliability
from exerkine_omics.cohort._responder_result import Ceiling, ResponderResult, SdIr
from exerkine_omics.cohort._response import ResponseSpec
from exerkine_omics.cohort._result import (
    Rows,
    adjust,
    collect,
    frame_for_storage,
    result_rows,
    t_quantile,
    t_tail,
)
from exerkine_omics.cohort._scoring import (
    choose_scorer,
    panel_note,
    reference_for,
    reference_frame,
    samples_note,
    signature_notes,
)
from exerkine_omics.cohort._summary import MATCHING, Summary

__all__ = [
    "Ceiling",
    "Cell",
    "CheckReport",
    "Contrast",
    "Contrasts",
    "Design",
    "Finding",
    "MATCHING",
    "Matrix",
    "PairTable",
    "Reliability",
    "ResponderResult",
    "ResponseSpec",
    "Rows",
    "SdIr",
    "Stored",
    "Summary",
    "add_step",
    "adjust",
    "arm_column",
    "baseline",
    "build_design",
    "carried_findings",
    "cell_columns",
    "choose_contrasts",
    "choose_scorer",
    "collect",
    "concat",
    "dense",
    "editable",
    "detected",
    "findings_frame",
    "findings_from_frame",
    "empty_samples",
    "feature_blocks",
    "frame_for_storage",
    "join",
    "levels",
    "make_pairs",
    "matrix",
    "matrix_unknown",
    "meta",
    "moderated_contrasts",
    "numeric_weights",
    "panel_note",
    "parse_contrasts",
    "persons_tubes",
    "plain",
    "reference_for",
    "reference_frame",
    "replace_findings",
    "require_columns",
    "require_log",
    "require_people",
    "require_same_members",
    "require_slug",
    "require_testable",
    "require_units",
    "require_values",
    "rescaled_since",
    "result_rows",
    "sample_scaling",
    "samples_note",
    "signature_notes",
    "t_quantile",
    "t_tail",
    "take_samples",
    "timepoints",
    "units",
    "write_text",
    "write_whole",
]


def __dir__() -> list[str]:
    return __all__
