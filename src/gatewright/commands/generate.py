"""The `generate` command: continue a text with a language model."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gatewright.commands.flags import add_json, add_settings
from gatewright.commands.printing import called, print_json
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks import registry


def generate(
    model: str | Path,
    prompt: str = "",
    *,
    stop: str | Sequence[str] = (),
    on_text: Callable[[str], None] | None = None,
    **decoding: Any,
) -> Any:
    """Continue a text with a trained language model.

    Args:
        model: Path of a model file from `gatewright train generate`, or of an imported model of the next word.
        prompt: The text to continue. If it is empty, a new text is generated.
        stop: Generation stops before the first occurrence of any of these texts.
        on_text: A function that is called with each new part of the text as soon as it is generated.
        decoding: Decoding settings, such as `tokens`, `temperature` and `seed`. See `gatewright generate --help`.

    Returns:
        A result with the prompt, the continuation and the decoding settings.

    Raises:
        InputError: The model or a setting cannot be used.
    """
    from gatewright import runtime

    stream = runtime.load(model).continuation(prompt, stop=stop, **decoding)
    report = Ticker()
    for piece in stream:
        if on_text is not None:
            on_text(piece)
        elif report.due():
            print_status(f"{stream.tokens:,} tokens are generated.")
    return stream.result()


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Continue a text with a language model."
    parser = commands.add_parser(
        "generate",
        help=about,
        description="Print a prompt, followed by its continuation as it is generated.",
        epilog='example:\n  gatewright generate plays.safetensors --prompt "ROMEO:" --temperature 0.8',
    )
    add = parser.add_argument
    add("model", help="A model file of `gatewright train generate`, or an imported model of the next word.")
    add("--prompt", metavar="TEXT", default="", help="Text to continue (default: none; a new text is generated).")
    add(
        "--stop",
        metavar="TEXT",
        action="append",
        default=[],
        help="Stop before this text; repeat the flag for several texts.",
    )
    for spec in registry.TASKS:
        if spec.decoding is not None:
            add_settings(parser, {spec.examples: spec.decoding})
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    begun = False

    def on_text(piece: str) -> None:
        nonlocal begun
        print(piece if begun else options.prompt + piece, end="", flush=True)
        begun = True

    options.on_text = None if options.json else on_text
    result = called(generate, options)
    if begun:
        print()
    if result.unknown:
        listed = ", ".join(map(repr, result.unknown[:20])) + (", ..." if len(result.unknown) > 20 else "")
        print_status(f"The model does not know these parts of the prompt: {listed}.")
    if options.json:
        print_json(asdict(result))
    elif not begun:
        print(options.prompt)
    return 0
