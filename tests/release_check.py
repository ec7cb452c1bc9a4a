"""Everything a release needs, without releasing: ``make release-check``.

Looks at all points before it ends, so that one run tells all that is missing. Uploads nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _run(*command: object, cwd: Path = ROOT) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr).strip()[-2000:])
    return done.stdout


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def version() -> str:
    return str(tomllib.loads(_read("pyproject.toml"))["project"]["version"])


def clean_tree() -> str:
    changed = _run("git", "status", "--porcelain").splitlines()
    if changed:
        raise RuntimeError(f"not committed: {', '.join(c[3:] for c in changed[:5])}")
    return "nothing uncommitted"


def versions_agree() -> str:
    told = {
        "exerkine_omics/__init__.py": r'^__version__ = "(.+)"$',
        "CITATION.cff": r"^version: (.+)$",
    }
    for name, pattern in told.items():
        found = re.search(pattern, _read(name), re.M)
        if found is None or found[1] != version():
            raise RuntimeError(f"{name} says {found and found[1]}, pyproject.toml {version()}")
    return version()


def changelog_knows_it() -> str:
    found = re.search(rf"^## \[{re.escape(version())}\] - (\S+)$", _read("CHANGELOG.md"), re.M)
    if found is None:
        raise RuntimeError(f"no section '## [{version()}] - YYYY-MM-DD'; move Unreleased there")
    return str(date.fromisoformat(found[1]))


def not_tagged_yet() -> str:
    if _run("git", "tag", "--list", f"v{version()}").strip():
        raise RuntimeError(f"v{version()} is a tag already")
    return f"v{version()} is free"


def citation_is_valid() -> str:
    import yaml

    known = yaml.safe_load(_read("CITATION.cff"))
    needed = {"cff-version", "message", "title", "authors"}
    if missing := needed - set(known):
        raise RuntimeError(f"CITATION.cff lacks {', '.join(sorted(missing))}")
    return str(known["cff-version"])


def book_is_built() -> str:
    pages = list((ROOT / "docs" / "_build" / "html").rglob("*.html"))
    if not pages:
        raise RuntimeError("no docs/_build/html; run make docs")
    return f"{len(pages)} pages"


def built_and_checked(folder: Path) -> str:
    _run(sys.executable, "-m", "build", "-o", folder, ROOT)
    files = sorted(folder.iterdir())
    _run(sys.executable, "-m", "twine", "check", "--strict", *files)
    return ", ".join(f"{f.name} ({f.stat().st_size / 1e6:.1f} MB)" for f in files)


def wheel_runs_the_demo(folder: Path) -> str:
    wheel = next(folder.glob("*.whl"))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _run(sys.executable, "-m", "venv", place / "env")
        _run(place / "env" / "bin" / "python", "-m", "pip", "install", "--quiet", wheel)
        exerkine = place / "env" / "bin" / "exerkine"
        told = _run(exerkine, "--version", cwd=place).strip()
        if told != version():
            raise RuntimeError(f"the wheel says it is {told}")
        _run(exerkine, "demo", "-o", "out", cwd=place)
        size = (place / "out" / "report.html").stat().st_size
    return f"report.html of {size / 1e6:.1f} MB"


def main() -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "dist"
        steps: list[tuple[str, Callable[[], str]]] = [
            ("clean tree", clean_tree),
            ("versions", versions_agree),
            ("changelog", changelog_knows_it),
            ("tag", not_tagged_yet),
            ("citation", citation_is_valid),
            ("book", book_is_built),
            ("sdist and wheel", lambda: built_and_checked(folder)),
            ("wheel alone", lambda: wheel_runs_the_demo(folder)),
        ]
        for title, step in steps:
            try:
                print(f"ok      {title}: {step()}", flush=True)
            except Exception as error:  # noqa: BLE001 - each point is told, whatever it fails of
                failed += 1
                print(f"MISSING {title}: {error}", flush=True)
    print(f"{failed} points are missing" if failed else f"{version()} can be released")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
