"""Products of matrices and the linear algebra of TensorFlow."""

from typing import Any

from jax import numpy as jnp
from keras import ops

from gatewright.keras.tensorflow import convert, dtypes
from gatewright.keras.tensorflow.tensors import eye as eye

globals().update(
    convert.unary(__name__, {"inv": "inv", "det": "det", "cholesky": "cholesky", "pinv": "pinv", "slogdet": "slogdet"})
)


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False,
    adjoint_b: bool = False, a_is_sparse: bool = False, b_is_sparse: bool = False, output_type: Any = None,
    grad_a: bool = False, grad_b: bool = False, name: Any = None,
) -> Any:  # fmt: skip
    """Return the product of matrices, over the last two axes."""
    a, b = convert.tensor(a), convert.tensor(b)
    if len(a.shape) < 2 or len(b.shape) < 2:
        raise ValueError(
            f"tf.matmul takes tensors with two axes or more, not shapes {tuple(a.shape)} and {tuple(b.shape)}. "
            "Use tf.tensordot, or tf.expand_dims first."
        )
    a = ops.swapaxes(ops.conj(a) if adjoint_a else a, -1, -2) if transpose_a or adjoint_a else a
    b = ops.swapaxes(ops.conj(b) if adjoint_b else b, -1, -2) if transpose_b or adjoint_b else b
    result = ops.matmul(a, b)
    return result if output_type is None else ops.cast(result, dtypes.available(output_type))


def matvec(a: Any, b: Any, transpose_a: bool = False, name: Any = None, **options: Any) -> Any:
    """Return the product of matrices and vectors."""
    return ops.squeeze(matmul(a, ops.expand_dims(convert.tensor(b), -1), transpose_a=transpose_a), axis=-1)


def tensordot(a: Any, b: Any, axes: Any, name: Any = None) -> Any:
    """Return the product over the axes given: a count, or the axes of both tensors."""
    if not isinstance(axes, int):
        axes = [[part] if isinstance(part, int) else list(convert.axis(part)) for part in axes]
    return ops.tensordot(convert.tensor(a), convert.tensor(b), axes=axes)


def einsum(equation: str, *inputs: Any, **options: Any) -> Any:
    """Return the sum of products that the equation describes."""
    return ops.einsum(equation, *map(convert.tensor, inputs))


def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None, name: Any = None) -> Any:
    """Return a norm of the vectors or matrices along the axes; without axes, of all elements."""
    tensor, axes = convert.tensor(tensor), convert.axis(axis)
    if ord == "euclidean" or (axes is None and ord == 2):
        return ops.sqrt(ops.sum(ops.square(ops.absolute(tensor)), axis=axes, keepdims=bool(keepdims)))
    if axes is None:
        flat = ops.norm(ops.reshape(tensor, (-1,)), ord=ord)
        return ops.reshape(flat, (1,) * len(tensor.shape)) if keepdims else flat
    return ops.norm(tensor, ord=ord, axis=axes, keepdims=bool(keepdims))


def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None, name: Any = None) -> tuple[Any, Any]:
    """Return the tensor divided by its norm, and the norm."""
    size = norm(tensor, ord, axis, keepdims=True)
    return convert.tensor(tensor) / size, size


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: Any = None) -> Any:
    """Return the tensor divided by its Euclidean norm along the axes."""
    tensor = convert.tensor(x)
    total = ops.sum(ops.square(tensor), axis=convert.axis(axis), keepdims=True)
    return tensor * ops.rsqrt(ops.maximum(total, epsilon))


def matrix_transpose(a: Any, name: Any = "matrix_transpose", conjugate: bool = False) -> Any:
    """Exchange the last two axes."""
    result = ops.swapaxes(convert.tensor(a), -1, -2)
    return ops.conj(result) if conjugate else result


def diag(diagonal: Any, name: str = "diag", k: int = 0, **options: Any) -> Any:
    """Return matrices with the vectors of the last axis on the diagonal."""
    if options:
        raise TypeError(f"tf.linalg.diag is served without {', '.join(options)}. Use jax.numpy.pad on its result.")
    vectors = convert.tensor(diagonal)
    size = vectors.shape[-1] + abs(k)
    rows = jnp.arange(vectors.shape[-1])
    matrix = jnp.zeros((*vectors.shape[:-1], size, size), vectors.dtype)
    return matrix.at[..., rows + max(-k, 0), rows + max(k, 0)].set(vectors)


def diag_part(input: Any, name: str = "diag_part", k: int = 0, **options: Any) -> Any:
    """Return the diagonals of the matrices in the last two axes."""
    return jnp.diagonal(convert.tensor(input), k, -2, -1)


def trace(x: Any, name: Any = None) -> Any:
    """Return the sum of the diagonal of the last two axes."""
    return ops.trace(convert.tensor(x), axis1=-2, axis2=-1)


def band_part(input: Any, num_lower: Any, num_upper: Any, name: Any = None) -> Any:
    """Keep the central band of matrices; a negative number keeps the whole triangle."""
    tensor = convert.tensor(input)
    rows, columns = jnp.arange(tensor.shape[-2])[:, None], jnp.arange(tensor.shape[-1])[None]
    lower = (num_lower < 0) | (rows - columns <= num_lower)
    upper = (num_upper < 0) | (columns - rows <= num_upper)
    return ops.where(lower & upper, tensor, ops.zeros_like(tensor))


def solve(matrix: Any, rhs: Any, adjoint: bool = False, name: Any = None) -> Any:
    """Solve linear systems."""
    return ops.solve(
        matrix_transpose(matrix, conjugate=True) if adjoint else convert.tensor(matrix), convert.tensor(rhs)
    )


def qr(input: Any, full_matrices: bool = False, name: Any = None) -> Any:
    """Return the QR decomposition."""
    return ops.qr(convert.tensor(input), mode="complete" if full_matrices else "reduced")


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: Any = None) -> Any:
    """Return the singular values, and with `compute_uv` the matrices u and v."""
    if not compute_uv:
        return ops.svd(convert.tensor(tensor), full_matrices, False)
    u, s, vh = ops.svd(convert.tensor(tensor), full_matrices, True)
    return s, u, matrix_transpose(vh, conjugate=True)


def eigh(tensor: Any, name: Any = None) -> Any:
    """Return eigenvalues and eigenvectors of symmetric matrices."""
    return tuple(ops.eigh(convert.tensor(tensor)))


def cross(a: Any, b: Any, name: Any = None) -> Any:
    """Return the cross products of vectors."""
    return ops.cross(convert.tensor(a), convert.tensor(b))
