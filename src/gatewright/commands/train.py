"""The `train` command: train one network and write its model file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from gatewright.results.figures import plain
from gatewright.results.records import Trained
from gatewright.support import memory as _heap
from gatewright.support.errors import InputError, require_one_of
from gatewright.support.packages import require_packages
from gatewright.tasks.base.settings import complete, read_toml
from gatewright.tasks.classify.pretrained import Pretrained
from gatewright.tasks.classify.settings import PRETRAINED
from gatewright.tasks.registry import JOBS, job_on, of_data, refuse_others, task_class
from gatewright.training.job import _Job, _require_place


def train(
    task: str,
    data: str,
    out: str | Path = "model.safetensors",
    *,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    pretrained: str | Path | None = None,
    config: str | Path | None = None,
    **settings: Any,
) -> Trained:
    """Train a network on texts and keep it, with all that is needed to use it, in one file.

    The weights of the epoch that is best on the validation rows are kept; the test rows are used once, at the end. A
    simple model is fitted on the same rows and stands beside. Work that is not finished is kept in the folder
    `OUT.training`: the same call goes on where it was stopped, and ends with the same figures. What is finished is not
    done again.

    Args:
        task: "classify", "generate", "forecast", or "tag".
        data: to classify: "imdb", a .csv, .tsv, .parquet or .jsonl file, a folder of text files by class, or a .tar.gz
            of one. To generate: "shakespeare", "ptb", "imdb-unlabelled", a text file, a folder of them, or a table.
            To tag: "atis", "ewt", a file or a folder of tagged sentences: see `data.tagged.read_tagged`. Series of
            numbers are classified too, see `data.series.read_series`; piano rolls are generated, see
            `data.rolls.read_rolls`. To forecast: a table of series, see `data.timeseries.read_series`.
        out: the model file; one that is there is replaced when the new one is done.
        validation, test: data of such parts; else some is set aside: see the modules of `tasks`.
        limit: use at most so many training rows (tokens, of a language model; sentences, of a tagger; windows, of a
            forecaster), and as many test rows.
        pretrained: the model file of a language model, for a classifier to begin with (Dai & Le 2015, "Semi-supervised
            Sequence Learning", section 2): its encoder, embedding and recurrent layers. The lower a layer, the slower
            it is then fine-tuned: see `fitting.Recipe.discriminative`, and `unfreezing`.
        config: a TOML file of settings.
        settings: see `tasks.base.settings`; they go before those of the file. And the options of the data, see
            `settings.OPTIONS`: `column`, that of tags; `text` and `label`, columns of a table; "text" and "label" where
            not given. Only a classifier has these labels. A text has any number of them where `label` names several
            columns of 0 and 1, or true and false, with commas between, where the column holds lists of strings, and
            where `label_separator` says what stands between the labels of a field.

    Raises:
        InputError: an input can't be used; one sentence says which, and what to do.
        ImportError: a package is missing; the sentence names it.
        KeyboardInterrupt: it was interrupted; the message says what is kept.
    """
    require_one_of("task", task, tuple(JOBS))
    for name, value in {"data": data, "out": out}.items():
        if not isinstance(value, str | Path):
            raise InputError(f"{name} must be a name or a path, not {value!r}.")
    require_packages("gatewright train", ("jax", "optax", "sklearn", "scipy", "rich"))
    _heap.use_one_arena()  # before there are threads, JAX's above all
    data = str(data)
    options, settings = of_data(task, settings)
    given = {**({} if config is None else read_toml(config)), **settings}
    asked = job_on(task, data, options)
    refuse_others(task, asked, data, given)
    if pretrained is not None and asked.rows != "texts":
        raise InputError(f"--from {pretrained} is not for {asked.rows}, as {data} has: leave it out.")
    before = None if pretrained is None else Pretrained.read(task, pretrained, given)
    chosen = complete(asked.settings, given if before is None else {**PRETRAINED, **given, **before.settings})
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit must be a whole number from 1 up, not {limit!r}.")
    file = Path(out)
    kept = _require_place(file)
    parts = {"validation": validation, "test": test}
    kind = task_class(task, data, options)
    names = {field.name for field in dataclasses.fields(kind)}
    for name, part in parts.items():
        if part is not None and name not in names:
            raise InputError(f"--{name} {part} is not for {asked.rows}, whose parts stand in {data}: leave it out.")
    own = {**options, **parts, "limit": limit, **chosen}
    made = kind(data, **{name: value for name, value in own.items() if name in names})
    if before is not None:
        made.encoder = before.encoder
        chosen["pretrained"] = before.digest
    job = _Job(file, made, chosen, before)
    if kept is not None and kept.finished and kept.settings == plain(job.settings) and kept.rows == job.rows:
        job.remove_folder()
        return kept
    return job.run()
