"""The settings of decoding, which is how a model chooses the tokens that continue a text."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import SettingsTable, setting

_LARGEST = 1e6  # logits that are divided or multiplied by it stay finite


@dataclass(frozen=True, kw_only=True)
class Decoding(SettingsTable):
    """The settings of decoding, which is how a model chooses the tokens that continue a text.

    The repetition penalty is applied first, then temperature, `top_k` and `top_p`.

    Sources: `top_k` Fan, Lewis & Dauphin 2018, "Hierarchical Neural Story Generation", section 5.4; `top_p` Holtzman et
    al. 2020, "The Curious Case of Neural Text Degeneration", section 3.1; `repetition_penalty` Keskar et al. 2019,
    "CTRL", section 4.1 (they divide all logits; here, logits below 0 are multiplied); `beams` Graves 2012, "Sequence
    Transduction with Recurrent Neural Networks", section 2.6.
    """

    tokens: int = setting(200, "Largest number of tokens to generate.", "output", minimum=1)
    temperature: float = setting(
        1.0,
        "Divisor of the logits. Below 1, likely tokens become likelier; 0 always chooses the likeliest.",
        "output",
        maximum=_LARGEST,
    )
    top_k: int = setting(0, "Number of likeliest tokens to choose from; 0 for all.", "output")
    top_p: float = setting(
        1.0,
        "Choose from the fewest likeliest tokens whose total probability reaches this number (nucleus sampling).",
        "output",
        minimum=1e-12,
        maximum=1,
    )
    repetition_penalty: float = setting(
        1.0,
        "Factor that makes tokens that occurred before less likely; 1 for no penalty.",
        "output",
        minimum=1,
        maximum=_LARGEST,
    )
    beams: int = setting(
        1,
        "Number of beams. With 2 or more, beam search finds a likely continuation, and nothing is random.",
        "output",
        minimum=1,
    )
    seed: int | None = setting(
        None, "Seed of the random numbers.", "output", below=2**32, default_text="a new one each time"
    )
