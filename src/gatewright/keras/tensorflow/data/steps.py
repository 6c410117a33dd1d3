"""The steps of an input pipeline as generators over elements."""

import collections
import contextlib
import itertools
import pickle
import tempfile
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import numpy as np

from gatewright.keras.tensorflow.data.elements import Element, element, is_text, leaves, map_structure, stack, tensor
from gatewright.support.errors import InputError

_Elements = Iterator[Any]


def slices(structure: Any, count: int) -> _Elements:
    """Yield the slices of arrays along the first axis."""
    arrays = map_structure(lambda array: array.view(np.ndarray), structure)
    for index in range(count):
        yield map_structure(lambda array: element(array[index], array.dtype), arrays)  # noqa: B023


def repeated(start: Callable[[], _Elements], times: int, one_more: bool) -> _Elements:
    """Yield the elements of several iterations, or of endless ones if `times` is negative.

    As in TensorFlow, each of a finite number of iterations starts when the one before ends, and gets its seeds then:
    the first at once, and with `one_more` one that is never used after the last.
    """
    first = start() if times > 0 else None

    def iterate() -> _Elements:
        elements = first
        for number in itertools.count() if times < 0 else range(times):
            empty = True
            for item in start() if elements is None else elements:
                empty = False
                yield item
            if empty:
                return
            elements = start() if 0 <= number < times - 1 or (one_more and times > 0) else None

    return iterate()


def batches(elements: _Elements, size: int, drop_remainder: bool) -> _Elements:
    """Yield batches of `size` elements."""
    while chunk := list(itertools.islice(elements, size)):
        if len(chunk) == size or not drop_remainder:
            yield stack(chunk)


def padded_batches(elements: _Elements, size: int, shapes: Any, values: Any, drop_remainder: bool) -> _Elements:
    """Yield batches of elements that are padded to the largest of the batch.

    Args:
        elements: The elements.
        size: Number of elements in a batch.
        shapes: Structure of shapes with None for the largest size in the batch, or None.
        values: Structure of padding values, one value, or None for zeros and empty texts.
        drop_remainder: Whether a last batch with fewer elements is left out.
    """
    while chunk := list(itertools.islice(elements, size)):
        if len(chunk) < size and drop_remainder:
            return
        leaf_shapes = _per_leaf(shapes, chunk[0], lambda part: part is None or isinstance(part, list | tuple))
        leaf_values = _per_leaf(values, chunk[0], lambda part: True)
        index = itertools.count()
        stacked = [
            _padded(arrays, leaf_shapes[number], leaf_values[number])
            for number, arrays in enumerate(zip(*(_in_order(item) for item in chunk), strict=True))
        ]
        yield map_structure(lambda _: stacked[next(index)], chunk[0])  # noqa: B023


def _in_order(structure: Any) -> list[Any]:
    """Return the leaves in the order in which `map_structure` visits them."""
    found: list[Any] = []
    map_structure(found.append, structure)
    return found


def _per_leaf(given: Any, like: Any, is_leaf: Callable[[Any], bool]) -> list[Any]:
    """Return one value per leaf of `like`: from a structure of that form, or the same value for each leaf."""
    if isinstance(like, tuple):
        parts = [None] * len(like) if given is None else given
        if not isinstance(parts, list | tuple):
            parts = [parts] * len(like)
        if len(parts) != len(like):
            raise InputError(
                f"padded_batch got {len(parts)} shapes or values for elements with {len(like)} components."
            )
        return [value for part, own in zip(parts, like, strict=True) for value in _per_leaf(part, own, is_leaf)]
    if isinstance(like, dict):
        return [
            value
            for key, own in like.items()
            for value in _per_leaf(given[key] if isinstance(given, dict) else given, own, is_leaf)
        ]
    return [given]


def _padded(tensors: Iterable[np.ndarray], shape: Any, value: Any) -> Element:
    arrays: list[Any] = [array.view(np.ndarray) for array in tensors]
    rank, dtype = arrays[0].ndim, arrays[0].dtype
    if shape is None:
        shape = [None] * rank
    if len(shape) != rank or any(array.ndim != rank for array in arrays):
        raise InputError(
            f"padded_batch got the shape {tuple(shape)} for tensors with {rank} dimensions. Give one size or "
            "None for each."
        )
    largest = np.max([array.shape for array in arrays], axis=0) if rank else []
    sizes = [int(most) if size in (None, -1) else int(size) for most, size in zip(largest, shape, strict=True)]
    for size, most in zip(sizes, largest, strict=True):
        if most > size:
            raise InputError(f"padded_batch cannot pad a tensor of size {most} to the smaller size {size}.")
    fill = (b"" if is_text(dtype) else 0) if value is None else tensor(value, dtype).view(np.ndarray)[()]
    batch: Any = np.full((len(arrays), *sizes), fill, dtype)
    for row, array in enumerate(arrays):
        batch[(row, *(slice(size) for size in array.shape))] = array
    return element(batch)


def unbatched(elements: _Elements) -> _Elements:
    """Yield the slices of each element along the first axis."""
    for item in elements:
        arrays = leaves(item)
        if any(array.ndim == 0 or len(array) != len(arrays[0]) for array in arrays):
            raise InputError("unbatch() needs tensors whose first axes have one size. Found: " + _shapes(arrays))
        yield from slices(item, len(arrays[0]))


def _shapes(arrays: Iterable[np.ndarray]) -> str:
    return ", ".join(str(tuple(array.shape)) for array in itertools.islice(arrays, 8)) + "."


def windows(elements: _Elements, size: int, shift: int, stride: int, drop_remainder: bool) -> Iterator[list[Any]]:
    """Yield lists of `size` elements, `stride` apart, whose first elements are `shift` apart."""
    span = (size - 1) * stride + 1
    buffer: collections.deque[Any] = collections.deque()
    ended = False
    while True:
        while not ended and len(buffer) < span:
            try:
                buffer.append(next(elements))
            except StopIteration:
                ended = True
        if not buffer or (ended and drop_remainder and len(buffer) < span):
            return
        yield list(itertools.islice(buffer, 0, span, stride))
        for _ in range(min(shift, len(buffer))):
            buffer.popleft()
        for _ in range(shift - span if shift > span else 0):
            if next(elements, elements) is elements:
                ended = True
                break


def interleaved(
    elements: _Elements, open_one: Callable[[Any], _Elements], cycle_length: int, block_length: int
) -> _Elements:
    """Yield `block_length` elements from each of `cycle_length` datasets in turn."""
    cycle: list[_Elements | None] = [None] * cycle_length
    ended = False
    position = 0
    while True:
        current = cycle[position]
        if current is None and not ended:
            try:
                current = cycle[position] = iter(open_one(next(elements)))
            except StopIteration:
                ended = True
        if current is None:
            if ended and all(one is None for one in cycle):
                return
        else:
            block = list(itertools.islice(current, block_length))
            yield from block
            if len(block) < block_length:
                cycle[position] = None
        position = (position + 1) % cycle_length


def grouped(
    elements: _Elements,
    key: Callable[[Any], Hashable],
    size: Callable[[Any], int],
    reduce: Callable[[Any, list[Any]], _Elements],
) -> _Elements:
    """Yield what `reduce` makes of each group of elements with the same key, as soon as the group has its size."""
    groups: dict[Any, list[Any]] = {}
    for item in elements:
        name = key(item)
        group = groups.setdefault(name, [])
        group.append(item)
        if len(group) >= size(name):
            del groups[name]
            yield from reduce(name, group)
    for name in sorted(groups):
        yield from reduce(name, groups[name])


class MemoryCache:
    """The elements of a dataset, stored in memory when it was iterated to its end."""

    def __init__(self) -> None:
        self._stored: list[Any] | None = None

    def iterate(self, source: Callable[[], _Elements]) -> _Elements:
        """Yield the stored elements, or the elements of `source`, which are stored."""
        return iter(self._stored) if self._stored is not None else self._storing(source())

    def _storing(self, elements: _Elements) -> _Elements:
        seen = []
        for item in elements:
            seen.append(item)
            yield item
        self._stored = seen


class FileCache:
    """The elements of a dataset in an unnamed file that lasts as long as this process."""

    def __init__(self) -> None:
        self._file: Any = None
        self._count = 0

    def iterate(self, source: Callable[[], _Elements]) -> _Elements:
        """Yield the stored elements, or the elements of `source`, which are stored."""
        return self._stored() if self._file is not None else self._storing(source())

    def _stored(self) -> _Elements:
        position = 0
        for _ in range(self._count):
            self._file.seek(position)
            item = pickle.load(self._file)
            position = self._file.tell()
            yield item

    def _storing(self, elements: _Elements) -> _Elements:
        with contextlib.ExitStack() as stack_:
            file = stack_.enter_context(tempfile.TemporaryFile())
            count = 0
            for item in elements:
                pickle.dump(item, file, protocol=5)
                count += 1
                yield item
            self._file, self._count = file, count
            weakref.finalize(self, file.close)
            stack_.pop_all()  # keeps the file open
