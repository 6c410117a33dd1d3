"""The steps of `tf.data.Dataset` that join several elements or split them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gatewright.keras.tensorflow.data import specs, steps
from gatewright.keras.tensorflow.data.base import UNKNOWN, BaseDataset, call, positive
from gatewright.keras.tensorflow.data.elements import map_structure, tensor
from gatewright.support.errors import InputError


class BatchingDataset(BaseDataset):
    """A dataset with the steps for batches, windows and groups."""

    def batch(self, batch_size: Any, drop_remainder: bool = False, *args: Any, **options: Any) -> Any:
        """Stack each `batch_size` elements. The last batch may be smaller, unless `drop_remainder` is True."""
        size = positive("batch_size", batch_size)
        batches = self._derive(
            lambda: steps.batches(iter(self), size, drop_remainder),
            self._batches(size, drop_remainder),
            lambda: map_structure(specs.batched(size if drop_remainder else None), self.element_spec),
        )
        batches._batch_size = size  # Keras splits datasets that have this attribute by examples
        return batches

    def padded_batch(
        self,
        batch_size: Any,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Any:
        """Stack each `batch_size` elements, padded to the largest of the batch or to `padded_shapes`."""
        size = positive("batch_size", batch_size)
        return self._derive(
            lambda: steps.padded_batches(iter(self), size, padded_shapes, padding_values, drop_remainder),
            self._batches(size, drop_remainder),
            lambda: map_structure(specs.batched(size if drop_remainder else None), self.element_spec),
        )

    def bucket_by_sequence_length(
        self,
        element_length_func: Callable[..., Any],
        bucket_boundaries: list[int],
        bucket_batch_sizes: list[int],
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Any:
        """Batch elements of similar lengths together."""
        if len(bucket_batch_sizes) != len(bucket_boundaries) + 1:
            raise ValueError("len(bucket_batch_sizes) must equal len(bucket_boundaries) + 1.")

        def bucket(item: Any) -> int:
            return int(np.searchsorted(bucket_boundaries, int(call(element_length_func, item)), side="right"))

        def reduce(bucket: int, items: list[Any]) -> Iterator[Any]:
            size, shapes = bucket_batch_sizes[bucket], padded_shapes
            if no_padding:
                return steps.batches(iter(items), size, drop_remainder)
            if pad_to_bucket_boundary:
                if bucket == len(bucket_boundaries):
                    raise InputError("An element is longer than the last of bucket_boundaries. Add a larger boundary.")
                length = bucket_boundaries[bucket] - 1
                shapes = map_structure(lambda array: [length] * array.ndim, items[0])
            return steps.padded_batches(iter(items), size, shapes, padding_values, drop_remainder)

        return self._derive(
            lambda: steps.grouped(iter(self), bucket, lambda bucket: bucket_batch_sizes[bucket], reduce)
        )

    def group_by_window(
        self,
        key_func: Callable[..., Any],
        reduce_func: Callable[[Any, Any], Any],
        window_size: int | None = None,
        window_size_func: Callable[[Any], Any] | None = None,
        name: str | None = None,
    ) -> Any:
        """Apply a function to each group of `window_size` elements with the same key, and chain the results."""
        if (window_size is None) == (window_size_func is None):
            raise ValueError("Give either window_size or window_size_func.")

        def size(key: int) -> int:
            return int(window_size_func(tensor(np.int64(key)))) if window_size_func else int(window_size or 0)

        def reduce(key: int, items: list[Any]) -> Iterator[Any]:
            return iter(reduce_func(tensor(np.int64(key)), self._of_elements(items)))

        return self._derive(lambda: steps.grouped(iter(self), lambda item: int(call(key_func, item)), size, reduce))

    def unbatch(self, name: str | None = None) -> Any:
        """Split each element along the first axis."""
        return self._derive(
            lambda: steps.unbatched(iter(self)),
            UNKNOWN,
            lambda: map_structure(specs.without_first_axis, self.element_spec),
        )

    def window(
        self, size: Any, shift: Any = None, stride: Any = 1, drop_remainder: bool = False, name: str | None = None
    ) -> Any:
        """Return a dataset of datasets of `size` elements each."""
        size, stride = positive("size", size), positive("stride", stride)
        shift = size if shift is None else positive("shift", shift)
        count = self._cardinality
        if count >= 0:
            rest = count - ((size - 1) * stride + 1)
            count = (0 if rest < 0 else rest // shift + 1) if drop_remainder else -(-count // shift)
        return self._derive(
            lambda: (
                map_structure(lambda *parts: self._of_elements(parts), *chunk)
                for chunk in steps.windows(iter(self), size, shift, stride, drop_remainder)
            ),
            count,
        )

    def _batches(self, size: int, drop_remainder: bool) -> int:
        count = self._cardinality
        return count if count < 0 else count // size if drop_remainder else -(-count // size)
