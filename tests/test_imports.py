"""The import rules of ARCHITECTURE.md, read from the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "gatewright"
TASKS = {
    path.name for path in (PACKAGE / "tasks").iterdir() if path.is_dir() and path.name not in ("base", "__pycache__")
}

BELOW_NN = {"support", "results", "ops", "data"}
BELOW_TASKS = BELOW_NN | {"nn"}
RULES = {
    "support": set(),
    "results": {"support"},
    "ops": {"support"},
    "data": {"support"},
    "nn": {"ops", "support"},
    "report": {"results", "support"},
    "keras": {"ops", "data", "support"},
    "bench": {"ops", "keras", "data", "support", "training", "registry"},
    "base": BELOW_TASKS,
    **dict.fromkeys(TASKS, BELOW_TASKS | {"base"}),
    "registry": {"support", "base", *TASKS},  # of a task folder only its __init__
    "runtime": {"support", "registry", "nn", "base"},
    "training": BELOW_TASKS | {"base"},
    "comparison": BELOW_TASKS | {"base", "training", "registry"},
    "exchange": {*BELOW_TASKS, "base", "registry", "runtime", "imported"},  # it makes imported models
    "explanation": {*BELOW_TASKS, "base"},
    "commands": {
        *BELOW_TASKS,
        *(
            "report",
            "base",
            "registry",
            "runtime",
            "training",
            "comparison",
            "keras",
            "bench",
            "exchange",
            "explanation",
        ),
    },
}
"""The rooms that each room may import, besides itself."""


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules of the package that a module imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "gatewright":
            own = node.module.removeprefix("gatewright").removeprefix(".")
            joined = {f"{own}.{alias.name}".removeprefix(".") for alias in node.names}
            found |= (joined & known.keys()) or {own}
    return found


def room(module: str) -> str:
    """Return the room of a module: its folder, or for a task its task folder."""
    parts = module.split(".")
    return parts[1] if parts[0] == "tasks" and len(parts) > 1 else parts[0]


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    known = modules()
    if module == "":  # the package, with its lazy public names
        return
    for other in imports(known[module], known):
        assert other, f"{module} imports the package gatewright itself"
        assert room(other) == room(module) or room(other) in RULES[room(module)], f"{module} imports {other}"
        if module == "tasks.registry" and room(other) in TASKS:
            assert other == f"tasks.{room(other)}", f"the registry imports {other}"


def test_no_import_cycle() -> None:
    known = modules()
    graph = {module: imports(path, known) for module, path in known.items()}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, f"cycle: {' -> '.join((*above[above.index(module) :], module))}"
        if module not in done:
            for other in graph.get(module, ()):
                visit(other, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_few_files_at_the_top() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 3


def test_results_reach_report_through_one_hook() -> None:
    naming = [
        path.name for path in (PACKAGE / "results").glob("*.py") if "gatewright.report" in path.read_text("utf-8")
    ]
    assert naming == ["display.py"]
