"""The functions of `keras.backend` in earlier releases that join, reshape, multiply and convolve, and its losses."""

from typing import Any, NoReturn

import keras
from keras import ops

from gatewright.keras.tensorflow import convert, nn, tensors


def dot(x: Any, y: Any) -> Any:
    """Return the product over the last axis of `x` and the last but one of `y`."""
    x, y = convert.tensor(x), convert.tensor(y)
    if len(y.shape) < 2:
        return ops.matmul(x, y)
    return ops.tensordot(x, y, axes=[[len(x.shape) - 1], [len(y.shape) - 2]])


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """Return the product of the elements of two batches over an axis of each."""
    x, y = convert.tensor(x), convert.tensor(y)
    nx, ny = len(x.shape), len(y.shape)
    if nx < 2 or ny < 2:
        raise ValueError(f"K.batch_dot takes batches with two axes or more, not shapes {x.shape} and {y.shape}.")
    if axes is None:
        axes = (nx - 1, ny - 1 if ny == 2 else ny - 2)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % nx, second % ny
    if 0 in (first, second):
        raise ValueError("K.batch_dot cannot multiply over the batch axis 0. Give axes from 1 on.")
    if None not in (x.shape[first], y.shape[second]) and x.shape[first] != y.shape[second]:
        raise ValueError(
            f"K.batch_dot: axis {first} of shape {x.shape} and axis {second} of shape {y.shape} differ in size."
        )
    letters = "abcdefghijklmnopqrstuvw"
    left, right = list("z" + letters[: nx - 1]), list("z" + letters[nx - 1 : nx + ny - 2])
    left[first] = right[second] = "y"
    result = "".join(c for c in left if c != "y") + "".join(c for c in right if c not in "yz")
    product = ops.einsum(f"{''.join(left)},{''.join(right)}->{result}", x, y)
    return ops.expand_dims(product, -1) if nx == 2 and ny == 2 else product


def concatenate(tensors: Any, axis: int = -1) -> Any:
    """Join tensors along an axis."""
    return ops.concatenate([convert.tensor(x) for x in tensors], axis=axis)


def stack(x: Any, axis: int = 0) -> Any:
    """Join tensors along a new axis."""
    return ops.stack([convert.tensor(part) for part in x], axis=axis)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """Insert an axis of size 1."""
    return ops.expand_dims(convert.tensor(x), axis)


def squeeze(x: Any, axis: int) -> Any:
    """Remove an axis of size 1."""
    return ops.squeeze(convert.tensor(x), axis=axis)


def reshape(x: Any, shape: Any) -> Any:
    """Return the elements in another shape."""
    return tensors.reshape(x, shape)


def flatten(x: Any) -> Any:
    """Return the elements in one axis."""
    return ops.reshape(convert.tensor(x), (-1,))


def batch_flatten(x: Any) -> Any:
    """Return the elements of each example in one axis."""
    tensor = convert.tensor(x)
    size = 1
    for part in tensor.shape[1:]:
        size *= part
    return ops.reshape(tensor, (-1, size))


def permute_dimensions(x: Any, pattern: Any) -> Any:
    """Permute the axes."""
    return ops.transpose(convert.tensor(x), axes=tuple(pattern))


def repeat(x: Any, n: int) -> Any:
    """Repeat the rows of a matrix along a new second axis."""
    tensor = convert.tensor(x)
    if len(tensor.shape) != 2:
        raise ValueError(
            f"K.repeat takes a matrix, not a tensor of shape {tuple(tensor.shape)}. Use K.repeat_elements."
        )
    return ops.repeat(ops.expand_dims(tensor, 1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Repeat each element along an axis."""
    return ops.repeat(convert.tensor(x), rep, axis=axis)


def tile(x: Any, n: Any) -> Any:
    """Repeat the whole tensor along each axis."""
    return ops.tile(convert.tensor(x), convert.shape(n))


def reverse(x: Any, axes: Any) -> Any:
    """Reverse the order along axes."""
    return ops.flip(convert.tensor(x), axis=convert.axis(axes))


def gather(reference: Any, indices: Any) -> Any:
    """Return the rows at the indices."""
    return ops.take(convert.tensor(reference), convert.tensor(indices), axis=0)


def one_hot(indices: Any, num_classes: int) -> Any:
    """Return rows with 1 at the index and 0 elsewhere."""
    return tensors.one_hot(indices, num_classes)


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Return True where the target is among the `k` highest predictions."""
    return ops.in_top_k(convert.tensor(targets), convert.tensor(predictions), k)


def softmax(x: Any, axis: Any = -1) -> Any:
    """Return exp(x) / sum(exp(x)) along an axis."""
    tensor = convert.tensor(x)
    if len(tensor.shape) < 2:
        raise ValueError(f"K.softmax takes a batch, not a tensor of shape {tuple(tensor.shape)}. Use tf.nn.softmax.")
    return ops.softmax(tensor, axis=axis)


def relu(x: Any, alpha: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
    """Return x above the threshold, limited to `max_value`, and alpha * (x - threshold) below."""
    return keras.activations.relu(convert.tensor(x), negative_slope=alpha, max_value=max_value, threshold=threshold)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return x, and alpha * (exp(x) - 1) where x is negative."""
    return ops.elu(convert.tensor(x), alpha)


def hard_sigmoid(x: Any) -> Any:
    """Return 0.2 * x + 0.5, limited to the range from 0 to 1."""
    return ops.minimum(ops.maximum(0.2 * convert.tensor(x) + 0.5, 0.0), 1.0)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return the cross-entropy of each probability."""
    target, output = _same_dtype(target, output)
    if from_logits:
        return nn.sigmoid_cross_entropy_with_logits(labels=target, logits=output)
    epsilon = keras.config.epsilon()
    output = ops.minimum(ops.maximum(output, epsilon), 1.0 - epsilon)
    return -(target * ops.log(output + epsilon) + (1 - target) * ops.log(1 - output + epsilon))


def _same_dtype(target: Any, output: Any) -> tuple[Any, Any]:
    output = convert.tensor(output)
    return ops.cast(convert.tensor(target), convert.dtype_of(output)), output


def binary_focal_crossentropy(
    target: Any, output: Any, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
    from_logits: bool = False,
) -> Any:  # fmt: skip
    """Return the focal cross-entropy of each probability."""
    target, output = _same_dtype(target, output)
    chance = ops.sigmoid(output) if from_logits else output
    right = target * chance + (1 - target) * (1 - chance)
    loss = ops.power(1.0 - right, gamma) * binary_crossentropy(target, output, from_logits)
    return (target * alpha + (1 - target) * (1 - alpha)) * loss if apply_class_balancing else loss


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return the cross-entropy of probabilities of classes."""
    target, output = _same_dtype(target, output)
    return ops.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    target: Any, output: Any, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return the focal cross-entropy of probabilities of classes."""
    target, output = _same_dtype(target, output)
    return keras.losses.categorical_focal_crossentropy(target, output, alpha, gamma, from_logits, axis=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1, ignore_class: Any = None
) -> Any:
    """Return the cross-entropy for targets that are class indices."""
    return keras.losses.sparse_categorical_crossentropy(
        convert.tensor(target), convert.tensor(output), from_logits, ignore_class=ignore_class, axis=axis
    )


def bias_add(x: Any, bias: Any, data_format: Any = None) -> Any:
    """Add a bias along the channels, or one for each element."""
    x, bias = convert.tensor(x), convert.tensor(bias)
    first = (data_format or keras.config.image_data_format()) == "channels_first"
    if len(bias.shape) == 1:
        return nn.bias_add(x, bias, "NC" if first else None)
    order = (len(bias.shape) - 1, *range(len(bias.shape) - 1))
    return x + ops.expand_dims(ops.transpose(bias, order) if first else bias, 0)


def _padded(x: Any, widths: Any, data_format: Any) -> Any:
    first = (data_format or keras.config.image_data_format()) == "channels_first"
    inner = [tuple(width) for width in widths]
    return ops.pad(convert.tensor(x), [(0, 0), (0, 0), *inner] if first else [(0, 0), *inner, (0, 0)])


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Add zeros before and after along the steps."""
    return ops.pad(convert.tensor(x), [(0, 0), tuple(padding), (0, 0)])


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: Any = None) -> Any:
    """Add zeros around images."""
    return _padded(x, padding, data_format)


def spatial_3d_padding(x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: Any = None) -> Any:
    """Add zeros around volumes."""
    return _padded(x, padding, data_format)


def conv1d(
    x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1
) -> Any:
    """Convolve sequences."""
    if padding == "causal":
        x, padding = temporal_padding(x, (dilation_rate * (kernel.shape[0] - 1), 0)), "valid"
    return _conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: Any, kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: Any = None,
    dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """Convolve images."""
    return _conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: Any, kernel: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: Any = None,
    dilation_rate: Any = (1, 1, 1),
) -> Any:  # fmt: skip
    """Convolve volumes."""
    return _conv(x, kernel, strides, padding, data_format, dilation_rate)


def _conv(x: Any, kernel: Any, strides: Any, padding: str, data_format: Any, dilation: Any) -> Any:
    return ops.conv(convert.tensor(x), convert.tensor(kernel), strides, padding, data_format, dilation)


def conv2d_transpose(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Apply the transpose of a convolution of images."""
    tensors = map(convert.tensor, (x, kernel))
    result = ops.conv_transpose(*tensors, strides, padding, None, data_format, dilation_rate)
    wanted = tuple(result.shape[:1]) + tuple(output_shape)[1:]
    if tuple(result.shape) != wanted:
        raise ValueError(f"K.conv2d_transpose gives shape {tuple(result.shape)} here, not {wanted}. Change strides.")
    return result


def depthwise_conv2d(
    x: Any, depthwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: Any = None,
    dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """Convolve each channel of images with filters of its own."""
    return ops.depthwise_conv(
        convert.tensor(x), convert.tensor(depthwise_kernel), strides, padding, data_format, dilation_rate
    )


def separable_conv2d(
    x: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid",
    data_format: Any = None, dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """Convolve each channel of images, and combine the channels."""
    kernels = map(convert.tensor, (depthwise_kernel, pointwise_kernel))
    return ops.separable_conv(convert.tensor(x), *kernels, strides, padding, data_format, dilation_rate)


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    pool_mode: str = "max",
) -> Any:
    """Pool images over windows."""
    return _pool(pool_mode)(convert.tensor(x), pool_size, strides, padding, data_format)


def pool3d(
    x: Any, pool_size: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: Any = None,
    pool_mode: str = "max",
) -> Any:  # fmt: skip
    """Pool volumes over windows."""
    return _pool(pool_mode)(convert.tensor(x), pool_size, strides, padding, data_format)


def _pool(mode: str) -> Any:
    if mode not in ("max", "avg"):
        raise ValueError(f"pool_mode must be 'max' or 'avg', not {mode!r}.")
    return ops.max_pool if mode == "max" else ops.average_pool


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """Return the loss of connectionist temporal classification for each example; the last class is the blank."""
    probabilities = convert.tensor(y_pred)
    logits = ops.log(probabilities + keras.config.epsilon())
    lengths = [ops.cast(ops.squeeze(convert.tensor(x), axis=-1), "int32") for x in (label_length, input_length)]
    labels = ops.cast(convert.tensor(y_true), "int32")
    loss = ops.ctc_loss(labels, logits, *lengths, mask_index=probabilities.shape[-1] - 1)
    return ops.expand_dims(loss, 1)


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Any], Any]:
    """Return the most likely label sequences, padded with -1, and their scores."""
    logits = ops.log(convert.tensor(y_pred) + keras.config.epsilon())
    paths, scores = ops.ctc_decode(
        logits,
        ops.cast(convert.tensor(input_length), "int32"),
        strategy="greedy" if greedy else "beam_search",
        beam_width=beam_width,
        top_paths=top_paths,
        merge_repeated=greedy,
        mask_index=logits.shape[-1] - 1,
    )
    return list(paths), scores


def ctc_label_dense_to_sparse(labels: Any, label_lengths: Any) -> NoReturn:
    """Refuse: there are no sparse tensors."""
    raise TypeError("K.ctc_label_dense_to_sparse is not served. Use keras.ops.ctc_loss, which takes dense labels.")


def rnn(
    step_function: Any, inputs: Any, initial_states: Any, go_backwards: bool = False, mask: Any = None,
    constants: Any = None, unroll: bool = False, input_length: Any = None, time_major: bool = False,
    zero_output_for_mask: bool = False, return_all_outputs: bool = True,
) -> Any:  # fmt: skip
    """Run a function over the steps, and return the last output, all outputs and the last states."""
    from keras.src import backend

    return backend.rnn(
        step_function,
        keras.tree.map_structure(convert.tensor, inputs),
        [convert.tensor(state) for state in initial_states],
        go_backwards=go_backwards, mask=mask, constants=constants, unroll=unroll, input_length=input_length,
        time_major=time_major, zero_output_for_mask=zero_output_for_mask, return_all_outputs=return_all_outputs,
    )  # fmt: skip


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest"
) -> Any:
    """Enlarge images by whole factors."""
    layer = keras.layers.UpSampling2D((height_factor, width_factor), data_format, interpolation)
    return layer(convert.tensor(x))


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Any:
    """Enlarge volumes by whole factors."""
    return keras.layers.UpSampling3D((depth_factor, height_factor, width_factor), data_format)(convert.tensor(x))
