"""Writes seqeval.json: spans and F1 as seqeval has them by default. Run with Python that has seqeval 1.2.2:

python -m venv /tmp/seqeval && /tmp/seqeval/bin/pip install seqeval==1.2.2
/tmp/seqeval/bin/python tests/goldens/make_seqeval.py
"""

import json
import random
from pathlib import Path

from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities

TAGS = {
    "IOB2": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    "BIOES": ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in ("PER", "fromloc.city-name"))],
    "no kinds": ["O", "B", "I", "E", "S"],
}


def main() -> None:
    draw = random.Random(0)
    cases = []
    for scheme, tags in TAGS.items():
        for _ in range(40):
            lengths = [draw.choice([1, 2, 3, 7, 12]) for _ in range(draw.choice([1, 2, 9]))]
            truths = [[draw.choice(tags) for _ in range(length)] for length in lengths]
            # Mostly right, so that spans agree too.
            answers = [[tag if draw.random() < 0.7 else draw.choice(tags) for tag in truth] for truth in truths]
            cases.append(
                {
                    "scheme": scheme,
                    "truths": truths,
                    "answers": answers,
                    "spans": [[[first, last] for _, first, last in get_entities(truth)] for truth in truths],
                    "kinds": [[kind for kind, _, _ in get_entities(truth)] for truth in truths],
                    "f1": float(f1_score(truths, answers, zero_division=0)),
                }
            )
    Path(__file__).with_name("seqeval.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
