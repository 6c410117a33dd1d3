"""`tf.data.Dataset`: a lazy pipeline of tensors."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from gatewright.keras import notes
from gatewright.keras.tensorflow.data import shuffling, specs, steps
from gatewright.keras.tensorflow.data.base import (
    AUTOTUNE,
    INFINITE,
    UNKNOWN,
    Options,
    call,
    checked,
    convert,
    dataset_from,
    is_true,
    positive,
)
from gatewright.keras.tensorflow.data.batching import BatchingDataset
from gatewright.keras.tensorflow.data.elements import Element, element, leaves, map_structure, plain, tensor
from gatewright.support.errors import InputError

_INT64 = specs.TensorSpec((), np.int64)


class Dataset(BatchingDataset):
    """A sequence of elements that are made while they are iterated."""

    # Sources

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Dataset:
        """Return a dataset of the slices of arrays along the first axis."""
        arrays = convert(tensors, copy=True)
        sizes = {array.shape[:1] for array in leaves(arrays)}
        if len(sizes) != 1 or () in sizes:
            found = ", ".join(str(tuple(array.shape)) for array in leaves(arrays)[:8])
            raise InputError(
                f"from_tensor_slices needs arrays of one length. The shapes are {found or 'missing'}. Give each array "
                "the same first dimension."
            )
        count = int(next(iter(sizes))[0])
        return Dataset(
            lambda: steps.slices(arrays, count),
            count,
            lambda: map_structure(specs.without_first_axis, map_structure(specs.spec_of, arrays)),
        )

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """Return a dataset of one element."""
        item = convert(tensors, copy=True)
        return Dataset(lambda: iter([item]), 1, lambda: map_structure(specs.spec_of, item))

    @staticmethod
    def from_generator(
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,
        args: tuple[Any, ...] | None = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """Return a dataset of what a generator yields. Each iteration calls `generator(*args)`."""
        if not callable(generator):
            raise TypeError("`generator` must be a Python callable: pass the function, not the result of calling it.")
        if output_signature is None and output_types is None:
            raise TypeError("from_generator needs `output_signature`, or `output_types` and `output_shapes`.")
        if output_signature is None:
            spec = specs.signature(output_types, output_shapes)
        else:
            spec = map_structure(specs.as_spec, output_signature)
        values = [tensor(value).numpy() for value in args or ()]

        def iterate() -> Iterator[Any]:
            return (checked(item, spec) for item in generator(*values))

        return Dataset(iterate, UNKNOWN, lambda: spec)

    @staticmethod
    def range(*args: Any, output_type: Any = np.int64, name: str | None = None) -> Dataset:
        """Return a dataset of numbers at equal distances, as Python's `range` makes them."""
        numbers = range(*map(int, args))
        dtype = specs.TensorSpec((), output_type).dtype
        return Dataset(
            lambda: (element(number, dtype) for number in numbers),
            len(numbers),
            lambda: specs.TensorSpec((), dtype),
        )

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: str | None = None) -> Dataset:
        """Return a dataset of tuples or dicts of the elements of several datasets, up to the end of the shortest."""
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else args
        parts: list[Dataset] = []
        map_structure(parts.append, structure)
        if not parts or not all(isinstance(part, Dataset) for part in parts):
            raise TypeError("tf.data.Dataset.zip needs datasets, in a tuple or a dict.")

        def element_of(row: tuple[Any, ...]) -> Any:
            values = iter(row)
            return map_structure(lambda _: next(values), structure)

        def iterate() -> Iterator[Any]:
            return map(element_of, zip(*parts, strict=False))

        sizes = [part._cardinality for part in parts]
        known = [size for size in sizes if size != INFINITE]
        size = UNKNOWN if UNKNOWN in sizes else min(known) if known else INFINITE
        return Dataset(iterate, size, lambda: map_structure(lambda part: part.element_spec, structure))

    @staticmethod
    def list_files(
        file_pattern: Any, shuffle: bool | None = None, seed: int | None = None, name: Any = None
    ) -> Dataset:
        """Return a dataset of the paths that match a pattern or several, shuffled unless `shuffle` is False."""
        patterns = [os.fsdecode(pattern) for pattern in np.atleast_1d(tensor(file_pattern).view(np.ndarray)).tolist()]
        paths = sorted({path for pattern in patterns for path in glob.glob(pattern)})
        if not paths:
            raise InputError(
                f"No files match {', '.join(patterns)[:200]}. Check the pattern and the working directory."
            )
        files = Dataset.from_tensor_slices(paths)
        return files if shuffle is False else files.shuffle(len(paths), seed=seed)

    @staticmethod
    def choose_from_datasets(datasets: Any, choice_dataset: Dataset, stop_on_empty_dataset: bool = True) -> Dataset:
        """Return a dataset that takes each next element from the dataset with the next index in `choice_dataset`."""

        def iterate() -> Iterator[Any]:
            sources = [iter(dataset) for dataset in datasets]
            for choice in choice_dataset:
                found = next(sources[int(choice)], None)
                if found is not None:
                    yield found
                elif stop_on_empty_dataset:
                    return

        return Dataset(iterate, UNKNOWN, lambda: datasets[0].element_spec)

    # Steps

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, **options: Any) -> Dataset:
        """Apply a function to each element. The components of a tuple are its arguments."""
        return Dataset(
            lambda: (call(map_func, item) for item in self), self._cardinality, lambda: self._spec_after(map_func)
        )

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """Keep the elements for which a function returns True."""
        return Dataset(lambda: (item for item in self if is_true(predicate, item)), UNKNOWN, self._get_spec)

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> Dataset:
        """Apply a function that returns a dataset to each element, and chain these datasets."""
        return Dataset(
            lambda: (item for one in self for item in dataset_from(map_func, one, "flat_map")),
            UNKNOWN,
            lambda: self._spec_of_parts(map_func, "flat_map"),
        )

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: int | None = None,
        block_length: int | None = None,
        num_parallel_calls: Any = None,
        **options: Any,
    ) -> Dataset:
        """Apply a function that returns a dataset to each element, and take turns among `cycle_length` of them."""
        cycle = (os.cpu_count() or 1) if cycle_length in (None, AUTOTUNE) else int(cycle_length)

        def open_one(item: Any) -> Iterator[Any]:
            return iter(dataset_from(map_func, item, "interleave"))

        return Dataset(
            lambda: steps.interleaved(iter(self), open_one, cycle, int(block_length or 1)),
            UNKNOWN,
            lambda: self._spec_of_parts(map_func, "interleave"),
        )

    def shuffle(
        self,
        buffer_size: Any,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = True,
        name: str | None = None,
    ) -> Dataset:
        """Draw each element at random from the next `buffer_size`, in the same order as TensorFlow with these seeds."""
        size = positive("buffer_size", buffer_size)
        seeds = shuffling.IterationSeeds(shuffling.seeds(seed), reshuffle_each_iteration in (None, True))

        def iterate() -> Iterator[Any]:
            if shuffling.is_peeking():
                return iter(self)
            return shuffling.shuffled(iter(self), size, seeds.next())

        shuffled = Dataset(iterate, self._cardinality, self._get_spec)
        shuffled._is_shuffled = True
        return shuffled

    def take(self, count: Any, name: str | None = None) -> Dataset:
        """Keep the first `count` elements, or all if it is -1."""
        count, size = int(count), self._cardinality
        if count < 0:
            return self
        known = count if size == INFINITE else min(count, size) if size >= 0 else UNKNOWN
        return Dataset(lambda: itertools.islice(iter(self), count), known, self._get_spec)

    def skip(self, count: Any, name: str | None = None) -> Dataset:
        """Leave out the first `count` elements, or all if it is -1."""
        count, size = int(count), self._cardinality
        if count < 0:
            return Dataset(lambda: iter(()), 0, self._get_spec)
        return Dataset(
            lambda: itertools.islice(iter(self), count, None),
            max(size - count, 0) if size >= 0 else size,
            self._get_spec,
        )

    def repeat(self, count: Any = None, name: str | None = None) -> Dataset:
        """Iterate `count` times over the elements, or for ever if it is None or -1."""
        times = -1 if count is None else int(count)

        def iterate() -> Iterator[Any]:
            return steps.repeated(self.__iter__, times, one_more=not self._is_shuffled)

        size = self._cardinality
        if times < 0:
            size = 0 if size == 0 else INFINITE
        elif size > 0 or times == 0:
            size *= times
        return Dataset(iterate, size, self._get_spec)

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """Append the elements of another dataset."""
        sizes = self._cardinality, dataset._cardinality
        size = INFINITE if INFINITE in sizes else UNKNOWN if UNKNOWN in sizes else sum(sizes)
        return Dataset(
            lambda: itertools.chain(iter(self), dataset),
            size,
            lambda: map_structure(specs.common, self.element_spec, dataset.element_spec),
        )

    def cache(self, filename: Any = "", name: str | None = None) -> Dataset:
        """Store the elements of the first complete iteration, and yield them in later iterations."""
        if filename:
            notes.note_once(
                "tf.data.Dataset.cache stores the elements in a temporary file, which is deleted when the program ends."
            )
        cache = steps.FileCache() if filename else steps.MemoryCache()
        return Dataset(lambda: cache.iterate(self.__iter__), self._cardinality, self._get_spec)

    def enumerate(self, start: Any = 0, name: str | None = None) -> Dataset:
        """Yield pairs of the number of an element and the element."""
        return Dataset(
            lambda: ((element(number, np.int64), item) for number, item in enumerate(self, int(start))),
            self._cardinality,
            lambda: (_INT64, self.element_spec),
        )

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """Keep the elements up to the first for which a function returns False."""
        return Dataset(
            lambda: itertools.takewhile(lambda item: is_true(predicate, item), iter(self)), UNKNOWN, self._get_spec
        )

    def scan(self, initial_state: Any, scan_func: Callable[[Any, Any], Any], name: str | None = None) -> Dataset:
        """Apply a function to a state and each element. It returns the next state and an output."""

        def iterate() -> Iterator[Any]:
            state = convert(initial_state)
            for item in self:
                state, output = (convert(part) for part in scan_func(state, item))
                yield output

        return Dataset(iterate, self._cardinality)

    def unique(self, name: str | None = None) -> Dataset:
        """Leave out elements that were yielded before."""

        def iterate() -> Iterator[Any]:
            seen = set()
            for item in self:
                key = item.numpy() if item.dtype == object else item.item()
                if key not in seen:
                    seen.add(key)
                    yield item

        return Dataset(iterate, UNKNOWN, self._get_spec)

    def shard(self, num_shards: Any, index: Any, name: str | None = None) -> Dataset:
        """Keep every `num_shards`-th element, starting with number `index`."""
        count, first, size = positive("num_shards", num_shards), int(index), self._cardinality
        return Dataset(
            lambda: itertools.islice(iter(self), first, None, count),
            max(-(-(size - first) // count), 0) if size >= 0 else size,
            self._get_spec,
        )

    def prefetch(self, buffer_size: Any = AUTOTUNE, name: str | None = None) -> Dataset:
        """Return this dataset: elements are made when they are asked for."""
        return self

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """Return the result of a function of this dataset."""
        return transformation_func(self)

    def with_options(self, options: Any, name: str | None = None) -> Dataset:
        """Return this dataset: the options of TensorFlow's runtime have no effect."""
        return self

    def options(self) -> Options:
        """Return the options, which have no effect."""
        return self._options

    def with_cardinality(self, expected: int) -> Dataset:
        """Declare the number of elements. An iteration that yields another number raises an error."""

        def iterate() -> Iterator[Any]:
            count = 0
            for item in self:
                count += 1
                if expected != INFINITE and count > expected:
                    break
                yield item
            if expected not in (INFINITE, UNKNOWN, count):
                found = "more" if count > expected else count
                raise InputError(f"The dataset was declared to have {expected} elements, but it has {found}.")

        return Dataset(iterate, expected, self._get_spec)

    def ignore_errors(self, log_warning: bool = False, name: str | None = None) -> Dataset:
        """Refuse: after an error in a function, an iteration cannot be continued."""
        raise NotImplementedError("tf.data's ignore_errors is not available. Catch errors in the mapped function.")

    # Results

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: str | None = None) -> Any:
        """Return the state after a function of the state and an element was applied to each element."""
        state = convert(initial_state)
        for item in self:
            state = convert(reduce_func(state, item))
        return state

    def get_single_element(self, name: str | None = None) -> Any:
        """Return the only element."""
        items = list(self.take(2))
        if len(items) != 1:
            raise InputError(
                f"get_single_element needs one element, but the dataset has {'two or more' if items else 'none'}."
            )
        return items[0]

    def cardinality(self, name: str | None = None) -> Element:
        """Return the number of elements, `INFINITE_CARDINALITY` or `UNKNOWN_CARDINALITY`."""
        return element(self._cardinality, np.int64)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the elements as NumPy arrays."""
        return (plain(item) for item in self)

    def _derive(
        self, iterate: Callable[[], Iterator[Any]], cardinality: int = UNKNOWN, spec: Callable[[], Any] | None = None
    ) -> Dataset:
        return Dataset(iterate, cardinality, spec)
