"""Write src/gatewright/__init__.pyi, the types of the package's public names; --check only compares."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import gatewright
from gatewright.commands.train_functions import REQUIRED, documentation, parameters
from gatewright.tasks import registry
from gatewright.tasks.base.spec import TaskSpec

_STUBS = Path(__file__).parents[1] / "src" / "gatewright" / "__init__.pyi"
_HEAD = """# Written by tools/make_stubs.py from the settings of all tasks.
# ruff: noqa
# fmt: off
from collections.abc import Sequence
from pathlib import Path

from gatewright import runtime as runtime
"""


def stubs() -> str:
    """Return the text of the stub file."""
    imports = [
        f"from gatewright.{module} import {name} as {name}"
        for name, module in sorted(vars(gatewright)["_MODULES"].items(), key=lambda item: item[1])
    ]
    functions = [_function(spec) for spec in registry.TASKS if spec.function]
    head = _HEAD + "\n".join([*imports, "from gatewright.results.records import Trained"])
    return "\n\n".join([head, "__version__: str", *functions]) + "\n"


def _function(spec: TaskSpec) -> str:
    lines = [f"def {spec.function}("]
    for place, parameter in enumerate(parameters(spec)):
        if place == 2:
            lines.append("    *,")
        default = "" if parameter.default is REQUIRED else f" = {parameter.default!r}".replace("'", '"')
        lines.append(f"    {parameter.name}: {parameter.type}{default},")
    documented = textwrap.indent(f'"""{documentation(spec)}"""', "    ", lambda line: bool(line.strip()))
    return "\n".join([*lines, ") -> Trained:", documented])


def main() -> int:
    """Write or check the stub file; return 1 if it is not current."""
    if "--check" in sys.argv[1:]:
        if _STUBS.read_text(encoding="utf-8") != stubs():
            print(f"{_STUBS.name} is not current: run tools/make_stubs.py", file=sys.stderr)
            return 1
        return 0
    _STUBS.write_text(stubs(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
