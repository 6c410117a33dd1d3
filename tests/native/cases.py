"""The cases that the driver runs, its two file formats (see case.hpp), and what must come out."""

from __future__ import annotations

import dataclasses
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from masks import lengths_to_mask
from tolerances import assert_close, kinds

from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import ACTIVATIONS
from gatewright.ops.recurrence import Recurrence
from gatewright.ops.reference import backward, forward

VARIANTS = (
    *(Recurrence(name) for name in CELLS),
    Recurrence("gru", reset_after=False),
    *(Recurrence(name, zoneout=0.3) for name in CELLS),
    Recurrence("gru", reset_after=False, zoneout=0.3),
)
# In the order of the enumeration in csrc/core/api.hpp. The cases also run where the extension is not built.
_ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")
# Around one and two vectors of every width, and enough for several panels and blocks of rows.
EDGES = (0, 1, 7, 8, 9, 17, 129)
DTYPES = (np.float32, np.float64)
WANTED = ("states", "sequence", "gradients", "less by states")  # in the order of Wanted in case.hpp
Live = Literal["all", "mask", "lengths"]

_OPERANDS = ["x", "kernel", "recurrent_kernel", "bias", "h0", "c0", "dropout_mask", "recurrent_dropout_mask"]
_OPERANDS += ["mask", "lengths", "d_sequence", "d_h", "d_c", "ids", "zoneout_mask"]
_OUTPUTS = ["sequence", "saved", "h", "c", "g_x", "g_kernel", "g_recurrent_kernel", "g_bias", "g_h0", "g_c0"]


@dataclass(frozen=True)
class Case:
    """One call forward, and one backward where gradients are wanted.

    `arrays` holds those of _OPERANDS that there are; `sizes` batch, time, features, units, the numbers of dropout
    masks, and the rows of the table that `ids` name (x is that table then).
    """

    rec: Recurrence
    dtype: Any
    threads: int
    wanted: str
    sizes: tuple[int, int, int, int, int, int, int]
    arrays: dict[str, Any]

    def __str__(self) -> str:
        given = " ".join(name for name in _OPERANDS[3:] if name in self.arrays)
        dtype = np.dtype(self.dtype).name
        return f"{self.rec} {dtype} threads {self.threads} wants {self.wanted} sizes {self.sizes} with {given}"

    @property
    def wants_gradients(self) -> bool:
        return self.wanted in WANTED[2:]

    @property
    def _live(self) -> Any:
        batch, time = self.sizes[:2]
        if "lengths" in self.arrays:
            return lengths_to_mask(self.arrays["lengths"], time)
        return self.arrays.get("mask", np.ones((batch, time))).astype(bool)

    @cached_property
    def expected(self) -> dict[str, Any]:
        """The outputs by the specification, in float64, on the same numbers."""
        a = {k: v if v.dtype.kind in "ui" else v.astype(np.float64) for k, v in self.arrays.items()}
        batch, time, features, units, *_, table = self.sizes
        ids = np.where(self._live, a["ids"], 0) if "ids" in a else None
        if ids is not None:
            ids = np.where(ids < 0, ids + table, ids)
            ids = np.where((ids < 0) | (ids >= table), table, ids)  # one more row, of NaN, for ids outside the table
            a["x"] = np.concatenate([a["x"], np.full((1, features), np.nan)])[ids]
        mask = a.get("mask")
        if "lengths" in a:
            mask = lengths_to_mask(a["lengths"], time)
        states = [a[f"{name}0"] for name in self.rec.state_names]
        operands = (self.rec, a["x"], a["kernel"], a["recurrent_kernel"], a.get("bias"), states)
        drops = {name: a.get(name) for name in ("dropout_mask", "recurrent_dropout_mask", "zoneout_mask")}
        with np.errstate(invalid="ignore"):  # NaN of ids outside the table
            result = forward(*operands, mask, **drops)
        outputs = dict(zip("hc", result.states, strict=False))
        if self.wanted != "states":
            outputs["sequence"] = result.sequence
        if not self.wants_gradients:
            return outputs
        d_sequence = a.get("d_sequence", np.zeros((batch, time, units)))
        d_states = [a.get(f"d_{name}", np.zeros((batch, units))) for name in self.rec.state_names]
        with np.errstate(invalid="ignore"):
            by = backward(*operands, result, d_sequence, d_states, mask, **drops)
        g_x = by.x
        if ids is not None:
            g_x = np.zeros((table + 1, features))
            np.add.at(g_x, ids, by.x)
            g_x = g_x[:table]
        outputs |= {"saved": result.saved, "g_x": g_x, "g_kernel": by.kernel}
        outputs |= {"g_recurrent_kernel": by.recurrent_kernel}
        if by.bias is not None:
            outputs["g_bias"] = by.bias
        if self.wanted == "gradients":
            outputs |= {f"g_{n}0": g for n, g in zip(self.rec.state_names, by.states, strict=True)}
        return outputs


def make(
    rec: Recurrence,
    seed: int,
    dtype: Any = np.float32,
    *,
    batch: int = 3,
    time: int = 4,
    features: int = 5,
    units: int = 6,
    bias: bool = True,
    live: Live = "all",
    dropout_masks: int = 0,
    recurrent_dropout_masks: int = 0,
    threads: int = 1,
    wanted: str = "gradients",
    without: tuple[str, ...] = (),
    scale: float = 1,
    table: int = 0,
    padded: bool = False,
) -> Case:
    """Operands of order `scale`; what stands in x at a masked step is NaN, which must not come near a result.

    A cell without a recurrent product has no masks of it, whatever their number is said to be.
    With a `table` of so many rows, x is the table and there are ids; those of masked steps are out of range. `padded`
    lets rows begin from one state, with one id for a time that differs from row to row.
    """
    rng = np.random.default_rng(seed)
    columns = rec.gates * units
    if not rec.recurrent_gates:
        recurrent_dropout_masks = 0
    arrays: dict[str, Any] = {
        "x": rng.normal(size=(table, features) if table else (batch, time, features)),
        "kernel": rng.normal(size=(features, columns)) / max(1, features) ** 0.5,
        # Half of what keeps h at its size: a linear recurrence grows no rounding errors then.
        "recurrent_kernel": rng.normal(size=rec.recurrent_kernel_shape(units)) / max(1, 4 * units) ** 0.5,
        "bias": rng.normal(size=rec.bias_shape(units)),
        "h0": rng.normal(size=(batch, units)),
        "c0": rng.normal(size=(batch, units)),
        "dropout_mask": (rng.random((dropout_masks, batch, features)) < 0.7) / 0.7,
        "recurrent_dropout_mask": (rng.random((recurrent_dropout_masks, batch, units)) < 0.7) / 0.7,
        "d_sequence": rng.normal(size=(batch, time, units)),
        "d_h": rng.normal(size=(batch, units)),
        "d_c": rng.normal(size=(batch, units)),
    }
    # A normalized sum has the size of its gain.
    arrays["bias"][rec.definition.gain_rows] /= 4
    arrays = {name: (scale * array).astype(dtype) for name, array in arrays.items()}
    if rec.zoneout and seed % 2:  # the others use the expected value
        states = len(rec.state_names)
        arrays["zoneout_mask"] = (rng.random((batch, time, states, units)) < rec.zoneout).astype(np.uint8)
    mask = np.ones((batch, time), bool)
    if live == "mask":
        mask = rng.random((batch, time)) < 0.6
        arrays["mask"] = mask.astype(np.uint8)
    elif live == "lengths":
        arrays["lengths"] = rng.integers(0, time + 1, batch).astype(np.int32)
        mask = lengths_to_mask(arrays["lengths"], time)
    if table:
        arrays["ids"] = np.where(mask, rng.integers(0, table, (batch, time)), 10**9).astype(np.int32)
        if padded:
            runs = rng.choice([0, time // 2, max(0, time - 1), time], batch)
            walked = np.arange(time)[::-1] if rec.reverse else np.arange(time)
            arrays["ids"][walked < runs[:, None]] = table - 1
            arrays["h0"][:], arrays["c0"][:] = arrays["h0"][:1], arrays["c0"][:1]
    else:
        arrays["x"][~mask] = np.nan
    absent = set(without)
    if not bias:
        absent.add("bias")
    if "c" not in rec.state_names:
        absent |= {"c0", "d_c"}
    if not dropout_masks:
        absent.add("dropout_mask")
    if not recurrent_dropout_masks:
        absent.add("recurrent_dropout_mask")
    if wanted not in WANTED[2:]:
        absent |= {"d_sequence", "d_h", "d_c"}
    arrays = {name: array for name, array in arrays.items() if name not in absent}
    sizes = (batch, time, features, units, dropout_masks, recurrent_dropout_masks, table)
    return Case(rec, dtype, threads, wanted, sizes, arrays)


def all_cases() -> list[Case]:
    """Every cell with every option, and pairs of options where one may come in the other's way."""
    return [
        *_sizes(),
        *_activations(),
        *_masks(),
        *_absent(),
        *_tokens(),
        *_padded(),
        *_out_of_range(),
        *shared_cases(),
    ]


def _sizes() -> Iterator[Case]:
    """One size at an edge, the others ordinary, and every other option by lot."""
    rng = np.random.default_rng(1)
    for rec, dtype, axis, size in itertools.product(VARIANTS, DTYPES, ("batch", "time", "features", "units"), EDGES):
        drawn = dataclasses.replace(rec, reverse=bool(rng.integers(2)), zero_output_for_mask=bool(rng.integers(2)))
        yield make(
            drawn,
            int(rng.integers(2**32)),
            dtype,
            **{axis: size},
            bias=bool(rng.integers(4)),
            live=str(rng.choice(["all", "mask", "lengths"])),  # type: ignore[arg-type]
            dropout_masks=int(rng.choice([0, 1, rec.gates])),
            recurrent_dropout_masks=int(rng.choice([0, 1, rec.gates])),
        )


def _activations() -> Iterator[Case]:
    seed = itertools.count(1000)
    for rec, activation in itertools.product(VARIANTS, ACTIVATIONS):
        for recurrent in ACTIVATIONS if rec.cell not in ("simple_rnn", "min_lstm") else ["sigmoid"]:
            changed = dataclasses.replace(rec, activation=activation, recurrent_activation=recurrent)
            # Gates without bounds, multiplied over steps, make rounding errors grow unless they stay below 1.
            scale = 0.3 if recurrent in ("relu", "linear") else 1
            for dtype in DTYPES:
                yield make(changed, next(seed), dtype, units=9, scale=scale)


def _masks() -> Iterator[Case]:
    """What is live, direction, what a masked step gives, and dropout: every combination."""
    seed = itertools.count(2000)
    flags = itertools.product((False, True), (False, True))
    lives: tuple[Live, ...] = ("all", "mask", "lengths")
    for rec, (reverse, zero), live in itertools.product(VARIANTS, flags, lives):
        changed = dataclasses.replace(rec, reverse=reverse, zero_output_for_mask=zero)
        for drops in itertools.product(*[{0, 1, rec.gates}] * 2):
            number = next(seed)
            yield make(
                changed,
                number,
                DTYPES[number % 2],
                batch=7,
                time=8,
                units=9,
                live=live,
                dropout_masks=drops[0],
                recurrent_dropout_masks=drops[1],
            )


def _absent() -> Iterator[Case]:
    """No bias, no gradient by some output, and calls that want less than everything."""
    seed = itertools.count(3000)
    lives: tuple[Live, ...] = ("all", "mask", "lengths")
    for rec, dtype, live in itertools.product(VARIANTS, DTYPES, lives):
        yield make(rec, next(seed), dtype, live=live, bias=False)
        for wanted in WANTED[:2]:
            yield make(rec, next(seed), dtype, live=live, wanted=wanted, recurrent_dropout_masks=next(seed) % 2)
        for without in (("d_sequence",), ("d_h", "d_c"), ("d_sequence", "d_h"), ("d_sequence", "d_h", "d_c")):
            yield make(rec, next(seed), dtype, live=live, without=without)


def _tokens() -> Iterator[Case]:
    """Ids into a table: one row for all, some repeated, hardly any; sizes at the edges."""
    rng = np.random.default_rng(7)
    lives: tuple[Live, ...] = ("all", "mask", "lengths")
    for rec, dtype, table, live in itertools.product(VARIANTS, DTYPES, (1, 5, 300), lives):
        yield make(
            dataclasses.replace(rec, reverse=bool(rng.integers(2)), zero_output_for_mask=bool(rng.integers(2))),
            int(rng.integers(2**32)),
            dtype,
            **{str(rng.choice(["batch", "time", "features", "units"])): int(rng.choice(EDGES))},
            bias=bool(rng.integers(4)),
            live=live,
            recurrent_dropout_masks=int(rng.choice([0, 1, rec.gates])),
            table=table,
        )


def _padded() -> Iterator[Case]:
    """Rows that begin alike, with every output and gradient that they may share steps for, or may not."""
    seed = itertools.count(8000)
    for rec, reverse, wanted in itertools.product(VARIANTS, (False, True), WANTED):
        for size, threads, without in itertools.product((8, 9, 129), (1, 2), ((), ("d_sequence",))):
            number = next(seed)
            yield make(
                dataclasses.replace(rec, reverse=reverse),
                number,
                DTYPES[number % 2],
                batch=int((1, 2, 7, 33)[number // 2 % 4]),
                time=9,
                features=size,
                units=size,
                threads=threads,
                table=4,
                padded=True,
                wanted=wanted,
                without=without if wanted in WANTED[2:] else (),
            )


def _out_of_range() -> Iterator[Case]:
    for rec, wrong in itertools.product(VARIANTS, (-1, -6, -7, 6)):
        case = make(rec, 4000, table=6)
        case.arrays["ids"][1, 2] = wrong
        yield case
    for rec, length in itertools.product(VARIANTS, (-1, 5)):
        case = make(rec, 4000, live="lengths")
        case.arrays["lengths"][1] = length
        yield case


def shared_cases() -> list[Case]:
    """Cases of so much work that two or three threads share their rows, which are no multiple of them."""
    seed = itertools.count(5000)
    lives: tuple[Live, ...] = ("all", "mask", "lengths")
    return [
        make(
            dataclasses.replace(rec, reverse=live == "mask"),
            next(seed),
            dtype,
            batch=17,
            time=8,
            features=65,
            units=129,
            live=live,
            dropout_masks=rec.gates if live == "all" else 0,
            recurrent_dropout_masks=1 if live == "lengths" else 0,
            threads=threads,
            table=50 if live == "mask" else 0,
        )
        for rec, dtype, threads, live in itertools.product(VARIANTS, DTYPES, (2, 3), lives)
    ]


def small_cases() -> list[Case]:
    """A few of each sort, for what takes several runs of each: callers, children, modes, repetition."""
    return [*all_cases()[::7], *shared_cases()[::4]]


def times_cases() -> list[list[Case]]:
    """Groups of cases that differ in time alone. Even one step has work for three threads."""
    return [
        [
            make(rec, 6000, dtype, batch=64 // rec.gates, time=time, features=129, units=129, threads=threads)
            for time in (1, 3, 12)
        ]
        for rec, dtype, threads in itertools.product(VARIANTS, DTYPES, (1, 3))
    ]


# ---- files -------------------------------------------------------------------------------------------------


def write(path: Path, cases: list[Case]) -> None:
    with path.open("wb") as file:
        file.write(b"gwcases1" + struct.pack("<i", len(cases)))
        for case in cases:
            rec = case.rec
            functions = map(_ACTIVATIONS.index, (rec.activation, rec.recurrent_activation))
            flags = (rec.reset_after, rec.reverse, rec.zero_output_for_mask)
            codes = (DTYPES.index(case.dtype), case.threads, WANTED.index(case.wanted))
            codes = (*functions, *flags, *codes)
            file.write(struct.pack("<32s8i7qd", rec.cell.encode(), *codes, *case.sizes, rec.zoneout))
            for name in _OPERANDS:
                array = case.arrays.get(name)
                data = b"" if array is None else np.ascontiguousarray(array).tobytes()
                file.write(struct.pack("<q", -1 if array is None else len(data)) + data)


def check(path: Path, cases: list[Case]) -> None:
    """Assert that the results are those of the specification.

    Raises:
        AssertionError: they are not; the message names the case and the array.
    """
    data, at = path.read_bytes(), 0

    def take(layout: str) -> int:
        nonlocal at
        (number,) = struct.unpack_from(layout, data, at)
        at += struct.calcsize(layout)
        return int(number)

    for index, case in enumerate(cases):
        actual = {}
        for name in _OUTPUTS:
            count = take("<q")
            if count >= 0:
                actual[name] = np.frombuffer(data, case.dtype, count // np.dtype(case.dtype).itemsize, at)
                at += count
        try:
            _check_one(case, actual)
        except AssertionError as error:
            raise AssertionError(f"Case {index}, {case}: {error}") from None
    assert at == len(data), "There are more results than cases."


def _check_one(case: Case, actual: dict[str, Any]) -> None:
    expected = case.expected
    assert set(actual) == set(expected), f"arrays {sorted(actual)}, expected {sorted(expected)}"
    of = kinds(case.rec, *case.sizes[2:4], small_gains="bias" in case.arrays)
    for name, array in expected.items():
        kind = of.gradient if name.startswith("g_") else of.outward
        try:
            assert_close(actual[name].reshape(array.shape), array, kind, case.dtype)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
