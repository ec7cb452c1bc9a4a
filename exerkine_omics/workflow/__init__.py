"""Config, stages, runner: many analyses of many cohorts in one call."""

from exerkine_omics.workflow._check_file import check_file
from exerkine_omics.workflow._config import RunConfig, load_config, parse_config
from exerkine_omics.workflow._coverage_file import coverage_file
from exerkine_omics.workflow._demo import run_demo
from exerkine_omics.workflow._predict_file import predict_file
from exerkine_omics.workflow._run import run, run_config
from exerkine_omics.workflow._sites import pool_files, summarize_config

__all__ = [
    "RunConfig",
    "check_file",
    "coverage_file",
    "load_config",
    "parse_config",
    "pool_files",
    "predict_file",
    "run",
    "run_config",
    "run_demo",
    "summarize_config",
]


def __dir__() -> list[str]:
    return __all__
