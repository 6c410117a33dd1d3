"""Time the training step of a translator in PyTorch, in Keras on JAX and in Gatewright, in turns.

    python benchmarks/translation_peers.py [--rounds 7] [--steps 5] [--threads 2]

The network has a bidirectional GRU encoder with 256 units, a GRU decoder with 256 units over the whole target, dot
attention after it, and a softmax over 5,000 ids that is tied with the embeddings of both languages. A batch has 64
sentence pairs of up to 16 ids. Dropout is 0.3 on embeddings, on the encoder's outputs and before the softmax. The
optimizer is Adam.

The recurrences alone are the forward and the backward pass of both recurrent layers on features. Each library runs in
a process of its own, which sleeps while another one is timed. PyTorch packs the source sentences, and computes the
softmax only where there is no padding. Prints medians as Markdown, and the median of the ratios of all rounds.
"""

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

UNITS, VOCABULARY, BATCH_SIZE, LENGTH, SHORTEST, DROPOUT, RATE = 256, 5_000, 64, 16, 8, 0.3, 1e-3
TITLES = {"torch": "PyTorch", "keras": "Keras on JAX", "gatewright": "Gatewright"}
CASES = {"step": "training step", "recurrences": "recurrences alone"}
START = 1
Step = Callable[[int], float]  # from the number of a step to its loss


@functools.lru_cache(maxsize=4)
def batch(number: int) -> tuple[Any, Any]:
    """Return the source and target ids of a step, [BATCH_SIZE, LENGTH], padded with 0 on the right."""
    import numpy as np

    rng = np.random.default_rng(number)
    frequencies = 1 / np.arange(1, VOCABULARY - 1)  # as of words
    ids = rng.choice(np.arange(2, VOCABULARY), p=frequencies / frequencies.sum(), size=(2, BATCH_SIZE, LENGTH))
    lengths = rng.integers(SHORTEST, LENGTH + 1, size=(2, BATCH_SIZE, 1))
    ids = np.where(np.arange(LENGTH) < lengths, ids, 0)
    ids[np.arange(LENGTH) == lengths - 1] = START  # it also ends a sentence
    return ids[0].astype(np.int32), ids[1].astype(np.int32)


@functools.lru_cache(maxsize=4)
def features(number: int) -> Any:
    """Return inputs of the encoder and of the decoder for the recurrences alone, [2, BATCH_SIZE, LENGTH, UNITS]."""
    import numpy as np

    return np.random.default_rng(number).standard_normal((2, BATCH_SIZE, LENGTH, UNITS)).astype(np.float32)


def torch_steps(threads: int) -> dict[str, Step]:
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    torch.set_num_threads(threads)
    torch.manual_seed(1)

    class Translator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, UNITS, padding_idx=0)
            self.encoder = nn.GRU(UNITS, UNITS, batch_first=True, bidirectional=True)
            self.decoder = nn.GRU(UNITS, UNITS, batch_first=True)
            self.initial, self.key = nn.Linear(2 * UNITS, UNITS), nn.Linear(2 * UNITS, UNITS, bias=False)
            self.output, self.dropout = nn.Linear(4 * UNITS, UNITS), nn.Dropout(DROPOUT)
            self.bias = nn.Parameter(torch.zeros(VOCABULARY))
            nn.init.normal_(self.embedding.weight, std=UNITS**-0.5)

        def encode(self, x: Any, lengths: Any) -> tuple[Any, Any]:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            out, last = self.encoder(packed)
            outputs, _ = pad_packed_sequence(out, batch_first=True, total_length=LENGTH)
            return outputs, torch.cat([last[0], last[1]], 1)

        def forward(self, source: Any, target: Any) -> Any:
            mask = source != 0
            outputs, last = self.encode(self.dropout(self.embedding(source)), mask.sum(1))
            outputs = self.dropout(outputs)
            read = torch.cat([torch.full_like(target[:, :1], START), target[:, :-1]], 1)
            e = self.dropout(self.embedding(read))
            h, _ = self.decoder(e, torch.tanh(self.initial(last))[None])
            scores = (h @ self.key(outputs).transpose(1, 2)) * UNITS**-0.5
            context = scores.masked_fill(~mask[:, None], -torch.inf).softmax(2) @ outputs
            live = target != 0
            o = self.dropout(torch.tanh(self.output(torch.cat([h, context, e], 2)[live])))
            return nn.functional.cross_entropy(
                nn.functional.linear(o, self.embedding.weight, self.bias), target[live].long()
            )

    model = Translator()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)

    def step(number: int) -> float:
        source, target = map(torch.from_numpy, batch(number))
        optimizer.zero_grad()
        loss = model(source, target)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    def recurrences(number: int) -> float:
        x = torch.from_numpy(features(number)).requires_grad_()
        lengths = torch.from_numpy((batch(number)[0] != 0).sum(1))
        model.zero_grad()
        outputs, _ = model.encode(x[0], lengths)
        loss = outputs.square().sum() + model.decoder(x[1])[0].square().sum()
        loss.backward()
        return float(loss.item())

    return {"step": step, "recurrences": recurrences}


def keras_steps(threads: int) -> dict[str, Step]:
    os.environ["KERAS_BACKEND"] = "jax"
    import jax
    import keras
    import numpy as np
    from keras import layers, ops

    keras.utils.set_random_seed(1)

    class Translator(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            normal = keras.initializers.RandomNormal(stddev=UNITS**-0.5)
            self.embedding = layers.Embedding(VOCABULARY, UNITS, mask_zero=True, embeddings_initializer=normal)
            self.encoder = layers.Bidirectional(layers.GRU(UNITS, return_sequences=True, return_state=True))
            self.decoder = layers.GRU(UNITS, return_sequences=True)
            self.initial, self.key = layers.Dense(UNITS, "tanh"), layers.Dense(UNITS, use_bias=False)
            self.output_layer = layers.Dense(UNITS, "tanh")
            self.vectors_dropout = layers.SpatialDropout1D(DROPOUT)
            self.dropout = layers.Dropout(DROPOUT)
            self.bias = self.add_weight(shape=(VOCABULARY,), initializer="zeros")

        def call(self, inputs: Any, training: bool = False) -> Any:
            source, read = inputs
            mask = ops.not_equal(source, 0)
            embedded = self.vectors_dropout(self.embedding(source), training=training)
            outputs, *last = self.encoder(embedded, mask=mask)
            outputs = self.dropout(outputs, training=training)
            e = self.vectors_dropout(self.embedding(read), training=training)
            h = self.decoder(e, initial_state=self.initial(ops.concatenate(last, 1)), mask=ops.not_equal(read, 0))
            scores = ops.matmul(h, ops.transpose(self.key(outputs), (0, 2, 1))) * UNITS**-0.5
            scores = ops.where(mask[:, None], scores, -1e9)
            context = ops.matmul(ops.softmax(scores), outputs)
            o = self.dropout(self.output_layer(ops.concatenate([h, context, e], 2)), training=training)
            return ops.matmul(o, ops.transpose(self.embedding.embeddings)) + self.bias

    model = Translator()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(RATE), loss)

    def step(number: int) -> float:
        source, target = batch(number)
        read = np.concatenate([np.full_like(target[:, :1], START), target[:, :-1]], 1)
        return float(model.train_on_batch([source, read], target))

    encoder = layers.Bidirectional(layers.GRU(UNITS, return_sequences=True))
    decoder = layers.GRU(UNITS, return_sequences=True)
    for layer in (encoder, decoder):
        layer.build((BATCH_SIZE, LENGTH, UNITS))

    def loss_of(variables: Any, x: Any, mask: Any) -> Any:
        outputs, _ = encoder.stateless_call(variables[0], others[0], x[0], mask=mask)
        decoded, _ = decoder.stateless_call(variables[1], others[1], x[1])
        return ops.sum(ops.square(outputs)) + ops.sum(ops.square(decoded))

    gradients = jax.jit(jax.value_and_grad(loss_of, argnums=(0, 1)))
    variables = [[variable.value for variable in layer.trainable_variables] for layer in (encoder, decoder)]
    others = [[variable.value for variable in layer.non_trainable_variables] for layer in (encoder, decoder)]

    def recurrences(number: int) -> float:
        found, _ = jax.block_until_ready(gradients(variables, features(number), batch(number)[0] != 0))
        return float(found)

    return {"step": step, "recurrences": recurrences}


def gatewright_steps(threads: int) -> dict[str, Step]:
    from gatewright.ops import kernels
    from gatewright.support import memory

    memory.use_one_arena()  # this and the next two as `gatewright train` does
    kernels.set_num_threads(threads)
    kernels.share_threads_with_jax()
    memory.keep_freed_memory().__enter__()
    import jax
    import numpy as np

    from gatewright.data.batches import Batch
    from gatewright.nn.backend import jax_backend
    from gatewright.nn.layer import Activations
    from gatewright.nn.layers import Recurrent
    from gatewright.tasks.translate.layers import Decoder, Encoder
    from gatewright.tasks.translate.sentences import Pairs
    from gatewright.tasks.translate.settings import TranslateSettings
    from gatewright.tasks.translate.task import PreparedPairs
    from gatewright.tasks.translate.vocabulary import Vocabulary
    from gatewright.training.network import Network
    from gatewright.training.recipe import Recipe

    def of_step(number: int) -> Batch:
        source, target = batch(number)
        return Batch(source, {"ids": target})

    rates = {"embedding_dropout": DROPOUT, "dropout": DROPOUT}
    layers = [
        Encoder(VOCABULARY, UNITS, "gru", UNITS, **rates),
        Decoder(VOCABULARY, UNITS, "gru", UNITS, shared=True, **rates),
    ]
    vocabulary = Vocabulary.fit(Pairs(("a b",), ("a b",)), "words", 10, True, False)  # not used by training steps
    recipe = Recipe.of(TranslateSettings(epochs=1, batch_size=BATCH_SIZE))
    prepared = PreparedPairs(vocabulary, "en", "de", LENGTH, 1, 1.0)
    network = Network(prepared, layers, of_step(0), recipe)
    state = network.init(network.initial_weights([0]))

    def step(number: int) -> float:
        nonlocal state
        pairs = of_step(number)
        state, loss = network.train_step(state, pairs, prepared.sample_weight(pairs), RATE, (0, number))
        return float(loss)

    backend, rng = jax_backend(), np.random.default_rng(1)
    encoder = Recurrent("gru", UNITS, bidirectional=True, return_sequences=True)
    decoder = Recurrent("gru", UNITS, return_sequences=True)
    weights = [layer.initial_weights(UNITS, rng) for layer in (encoder, decoder)]

    def loss_of(weights: Any, x: Any, mask: Any) -> Any:
        outputs, _ = encoder.forward(backend, weights[0], Activations(x[0], mask), None, None)
        decoded, _ = decoder.forward(backend, weights[1], Activations(x[1]), None, None)
        return (outputs.x**2).sum() + (decoded.x**2).sum()

    gradients = jax.jit(jax.value_and_grad(loss_of, argnums=(0, 1)))
    weights = jax.tree.map(jax.device_put, weights)

    def recurrences(number: int) -> float:
        found, _ = jax.block_until_ready(gradients(weights, features(number), batch(number)[0] != 0))
        return float(found)

    return {"step": step, "recurrences": recurrences}


STEPS = {"torch": torch_steps, "keras": keras_steps, "gatewright": gatewright_steps}


def serve(name: str, threads: int) -> None:
    """Answer each line, the name of a case and a number of steps, with their milliseconds and losses."""
    cases, numbers = STEPS[name](threads), dict.fromkeys(CASES, 0)
    for line in sys.stdin:
        case, count = line.split()
        times, losses = [], []
        for _ in range(int(count)):
            number = numbers[case] = numbers[case] + 1
            batch(number), features(number)  # made before the step is timed, and kept
            began = time.perf_counter()
            losses.append(cases[case](number))
            times.append(1000 * (time.perf_counter() - began))
        print(json.dumps({"times": times, "losses": losses}), flush=True)


def start(name: str, threads: int) -> subprocess.Popen[str]:
    removed = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    environment = {key: value for key, value in os.environ.items() if key not in removed}
    environment |= {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
    return subprocess.Popen(
        [sys.executable, __file__, "--serve", name, "--threads", str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def ask(worker: subprocess.Popen[str], case: str, count: int) -> dict[str, Any]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    print(case, count, file=worker.stdin, flush=True)
    answer: dict[str, Any] = json.loads(worker.stdout.readline())
    return answer


def main(rounds: int, steps: int, threads: int) -> None:
    from gatewright.ops import machine

    load = os.getloadavg()[0]
    workers = {name: start(name, threads) for name in TITLES}
    first = {case: {name: ask(worker, case, 3) for name, worker in workers.items()} for case in CASES}
    facts = machine.facts()
    print(f"{facts['processor']}, {facts['instruction set']}, threads: {threads}, commit {facts['commit']}, ", end="")
    print(f"load {load:.1f} before the run. {rounds} rounds of {steps} steps.\n")
    print("| case | library | ms | lowest to highest round | library / Gatewright |\n|---|---|---|---|---|")
    for case, title in CASES.items():
        found = [
            {name: statistics.median(ask(worker, case, steps)["times"]) for name, worker in workers.items()}
            for _ in range(rounds)
        ]
        for name in TITLES:
            ms = [times[name] for times in found]
            ratio = statistics.median(times[name] / times["gatewright"] for times in found)
            reach = f"{min(ms):.1f} to {max(ms):.1f}"
            print(f"| {title} | {TITLES[name]} | {statistics.median(ms):.1f} | {reach} | {ratio:.2f} |", flush=True)
    losses = {TITLES[name]: [round(loss, 2) for loss in answer["losses"]] for name, answer in first["step"].items()}
    print(f"\nLosses of the first steps, from different initial weights: {losses}.")
    for worker in workers.values():
        worker.communicate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--serve", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.threads)
    else:
        main(options.rounds, options.steps, options.threads)
