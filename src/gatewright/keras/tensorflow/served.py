"""Tables of the names of TensorFlow: who serves each of them, and what to use instead of the others.

A module of TensorFlow maps modules of this package to the names that they serve. A name that Python itself has, such as
`abs`, ends in an underscore in the module of this package.
"""

_MATH = (
    "abs exp square sqrt rsqrt sign round floor negative sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh "
    "sigmoid add subtract multiply divide truediv floordiv pow maximum minimum equal not_equal less less_equal greater "
    "greater_equal logical_and logical_or logical_not add_n scalar_mul atan2"
)
_MATH_ONLY = (
    "ceil expm1 log log1p reciprocal softplus log_sigmoid erf erfc erfinv is_nan is_inf is_finite real imag conj "
    "angle rint mod floormod logical_xor divide_no_nan multiply_no_nan xlogy squared_difference accumulate_n "
    "lgamma digamma polyval "
)
_REDUCTIONS = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_any reduce_all argmax argmin cumsum"
_REDUCTIONS_ONLY = (
    "reduce_std reduce_variance reduce_euclidean_norm cumprod count_nonzero bincount confusion_matrix segment_sum "
    "segment_max in_top_k top_k"
)
_TENSORS = (
    "Tensor newaxis constant convert_to_tensor cast is_tensor shape size rank get_static_value zeros ones fill "
    "zeros_like ones_like range linspace eye identity stop_gradient reshape ensure_shape transpose expand_dims "
    "squeeze concat stack unstack split tile repeat reverse roll broadcast_to pad one_hot meshgrid"
)
_INDEXING = (
    "where gather gather_nd boolean_mask slice strided_slice tensor_scatter_nd_update tensor_scatter_nd_add "
    "tensor_scatter_nd_sub tensor_scatter_nd_max tensor_scatter_nd_min scatter_nd sequence_mask reverse_sequence "
    "searchsorted"
)
_DTYPES = (
    "DType as_dtype float16 float32 float64 bfloat16 half double int8 int16 int32 int64 uint8 uint16 uint32 "
    "uint64 complex64 complex128 bool string"
)
_CONTROL = (
    "cond case switch_case while_loop map_fn vectorized_map scan foldl foldr function py_function numpy_function "
    "custom_gradient recompute_grad group tuple print executing_eagerly"
)
_ASSERTIONS = "assert_equal assert_less assert_greater assert_rank Assert"
_DEBUGGING = (
    f"{_ASSERTIONS} assert_less_equal assert_greater_equal assert_near assert_positive assert_non_negative "
    "assert_all_finite assert_type check_numerics enable_check_numerics"
)
_RANDOM = (
    "set_seed normal uniform truncated_normal categorical shuffle gamma poisson stateless_normal stateless_uniform "
    "stateless_truncated_normal stateless_categorical Generator get_global_generator"
)
_DEVICES = (
    "list_physical_devices list_logical_devices get_visible_devices set_visible_devices "
    "set_logical_device_configuration LogicalDeviceConfiguration set_soft_device_placement get_soft_device_placement"
)
_SESSIONS = (
    "ConfigProto GPUOptions RunOptions OptimizerOptions GraphOptions Graph get_default_graph reset_default_graph "
    "Session InteractiveSession global_variables_initializer local_variables_initializer tables_initializer "
    "variables_initializer initialize_all_variables placeholder disable_eager_execution global_variables "
    "trainable_variables assign assign_add assign_sub"
)
_LEVELS = "DEBUG INFO WARN ERROR FATAL set_verbosity get_verbosity debug info warn warning error fatal"
_FILES = "exists isdir listdir glob makedirs mkdir remove rmtree copy rename walk GFile"

_ROOT = {
    "tensors": _TENSORS,
    "math": f"{_MATH} clip_by_value clip_by_norm clip_by_global_norm",
    "reductions": f"{_REDUCTIONS} reduce_logsumexp sort argsort unique unique_with_counts",
    "indexing": _INDEXING,
    "linalg": "matmul tensordot einsum norm",
    "dtypes": _DTYPES,
    "shapes": "TensorShape TensorSpec",
    "variables": "Variable Module TensorArray",
    "strings": "RaggedTensor",
    "control": _CONTROL,
    "config": "device name_scope control_dependencies init_scope",
    "environment": f"__version__ get_logger {_ASSERTIONS}",
    "gradient_tape": "GradientTape UnconnectedGradients",
}

NAMES: dict[str, dict[str, str]] = {
    "tensorflow": _ROOT | {"compat_v1": f"{_SESSIONS} set_random_seed"},
    "tensorflow.math": {
        "math": f"{_MATH} {_MATH_ONLY}",
        "reductions": f"{_REDUCTIONS} reduce_logsumexp {_REDUCTIONS_ONLY}",
        "linalg": "l2_normalize",
        "nn": "softmax log_softmax softsign zero_fraction",
    },
    "tensorflow.linalg": {
        "linalg": "matmul matvec tensordot einsum norm normalize l2_normalize matrix_transpose diag diag_part "
        "trace band_part solve qr svd eigh cross inv det cholesky pinv slogdet eye",
        "math": "global_norm",
    },
    "tensorflow.nn": {
        "nn": "relu relu6 elu selu softsign softmax log_softmax leaky_relu gelu silu swish crelu dropout moments "
        "batch_normalization bias_add embedding_lookup softmax_cross_entropy_with_logits "
        "sparse_softmax_cross_entropy_with_logits sigmoid_cross_entropy_with_logits "
        "weighted_cross_entropy_with_logits l2_loss conv1d conv2d max_pool1d max_pool2d avg_pool1d avg_pool2d "
        "ctc_loss zero_fraction log_poisson_loss",
        "math": "tanh sigmoid softplus",
        "reductions": "top_k in_top_k",
        "linalg": "l2_normalize",
    },
    "tensorflow.random": {"random": _RANDOM},
    "tensorflow.random.experimental": {"random": "Generator get_global_generator"},
    "tensorflow.dtypes": {"dtypes": f"{_DTYPES}", "tensors": "cast", "math": "complex"},
    "tensorflow.strings": {
        "strings": "lower upper strip length regex_replace regex_full_match split unicode_split bytes_split join "
        "reduce_join substr to_number as_string format",
    },
    "tensorflow.ragged": {"strings": "constant stack RaggedTensor"},
    "tensorflow.config": {"config": f"{_DEVICES} run_functions_eagerly functions_run_eagerly"},
    "tensorflow.config.experimental": {
        "config": f"{_DEVICES} set_memory_growth get_memory_growth get_memory_info get_device_details "
        "set_virtual_device_configuration VirtualDeviceConfiguration enable_op_determinism set_synchronous_execution "
        "enable_tensor_float_32_execution",
    },
    "tensorflow.config.optimizer": {"config": "set_jit get_jit set_experimental_options"},
    "tensorflow.config.threading": {
        "config": "set_intra_op_parallelism_threads get_intra_op_parallelism_threads set_inter_op_parallelism_threads "
        "get_inter_op_parallelism_threads",
    },
    "tensorflow.test": {
        "config": "is_gpu_available gpu_device_name is_built_with_cuda is_built_with_gpu_support is_built_with_rocm "
        "is_built_with_xla",
    },
    "tensorflow.distribute": {
        "config": "Strategy MirroredStrategy OneDeviceStrategy get_strategy has_strategy ReduceOp"
    },
    "tensorflow.distribute.cluster_resolver": {"config": "TPUClusterResolver"},
    "tensorflow.version": {"environment": "VERSION GIT_VERSION COMPILER_VERSION"},
    "tensorflow.errors": {
        "environment": "OpError InvalidArgumentError NotFoundError OutOfRangeError ResourceExhaustedError "
        "FailedPreconditionError UnimplementedError InternalError UnknownError AbortedError",
    },
    "tensorflow.debugging": {"environment": _DEBUGGING},
    "tensorflow.io": {"environment": "read_file write_file"},
    "tensorflow.io.gfile": {"environment": _FILES},
    "tensorflow.gfile": {"environment": _FILES},
    "tensorflow.logging": {"environment": _LEVELS},
    "tensorflow.autograph": {},
    "tensorflow.autograph.experimental": {"environment": "do_not_convert"},
    "tensorflow.nest": {"nest": "flatten map_structure is_nested pack_sequence_as assert_same_structure"},
    "tensorflow.compat": {"environment": "as_bytes as_str as_text"},
    "tensorflow.compat.v1": _ROOT
    | {
        "compat_v1": f"{_SESSIONS} set_random_seed random_normal random_uniform reduce_sum reduce_mean reduce_max "
        f"reduce_min reduce_prod reduce_any reduce_all argmax argmin",
        "reductions": "reduce_logsumexp cumsum sort argsort unique",
        "math": f"{_MATH} log clip_by_value clip_by_norm clip_by_global_norm",
        "environment": f"get_logger {_ASSERTIONS} enable_eager_execution disable_v2_behavior enable_v2_behavior "
        "enable_resource_variables disable_control_flow_v2 __version__",
    },
    "tensorflow.compat.v1.logging": {"environment": _LEVELS},
    "tensorflow.compat.v1.gfile": {"environment": _FILES},
    "tensorflow.python": {},
    "tensorflow.python.client": {},
    "tensorflow.python.client.device_lib": {"config": "list_local_devices"},
    "tensorflow.python.framework": {},
    "tensorflow.python.framework.ops": {
        "compat_v1": "reset_default_graph get_default_graph Graph disable_eager_execution",
        "environment": "enable_eager_execution",
        "tensors": "Tensor convert_to_tensor",
        "config": "name_scope device",
    },
    "tensorflow.python.framework.constant_op": {"tensors": "constant"},
    "tensorflow.python.framework.dtypes": {"dtypes": _DTYPES},
    "tensorflow.python.framework.tensor_shape": {"shapes": "TensorShape"},
    "tensorflow.python.ops": {},
    "tensorflow.python.ops.math_ops": {
        "math": f"{_MATH} log",
        "reductions": _REDUCTIONS,
        "linalg": "matmul",
        "tensors": "cast",
    },
    "tensorflow.python.ops.array_ops": {"tensors": _TENSORS, "indexing": "where gather boolean_mask"},
}
"""Each module of TensorFlow, with the names that modules of this package serve in it."""

KERAS = {
    "tensorflow.keras": "",
    "tensorflow.python.keras": "",
    "tensorflow.python.keras.api._v2.keras": "",
    "tensorflow.compat.v1.keras": "",
    "tensorflow.compat.v2.keras": "",
    "tensorflow.contrib.keras": "",
    "tensorflow.losses": ".losses",
    "tensorflow.metrics": ".metrics",
    "tensorflow.optimizers": ".optimizers",
    "tensorflow.initializers": ".initializers",
}
"""Modules of TensorFlow that are Keras, or a module of Keras."""

MODULES = {
    "tensorflow.data": "data",
    "tensorflow.data.experimental": "data.experimental",
    "tensorflow.summary": "summary",
}
"""Modules of TensorFlow that are modules of this package, where it has them."""

SHARED = {
    "tensorflow.python.ops.nn": "tensorflow.nn",
    "tensorflow.python.ops.nn_ops": "tensorflow.nn",
    "tensorflow.python.ops.linalg_ops": "tensorflow.linalg",
    "tensorflow.python.data": "tensorflow.data",
    "tensorflow.python.framework.errors": "tensorflow.errors",
    "tensorflow.compat.v2": "tensorflow",
    "tensorflow.compat.v1.compat": "tensorflow.compat",
    **{
        f"tensorflow.compat.v1.{name}": f"tensorflow.{name}"
        for name in (
            "math", "linalg", "nn", "random", "dtypes", "strings", "ragged", "config", "test", "distribute", "version",
            "errors", "debugging", "io", "autograph", "nest", "losses", "metrics", "initializers", "data",
        )
    },
}  # fmt: skip
"""Modules of TensorFlow that are other names of a module."""

COUNTERPARTS = {
    "tensorflow.linalg.logm": "scipy.linalg.logm",
    "tensorflow.linalg.expm": "jax.scipy.linalg.expm",
    "tensorflow.linalg.lstsq": "jax.numpy.linalg.lstsq",
    "tensorflow.linalg.eig": "numpy.linalg.eig",
    "tensorflow.signal": "keras.ops.fft, keras.ops.rfft, keras.ops.stft or scipy.signal",
    "tensorflow.image": "keras.ops.image",
    "tensorflow.summary": "keras.callbacks.TensorBoard or keras.callbacks.CSVLogger",
    "tensorflow.saved_model": "model.save and keras.models.load_model",
    "tensorflow.train": "model.save_weights and keras.callbacks.ModelCheckpoint",
    "tensorflow.lite": "model.save and keras.models.load_model",
    "tensorflow.layers": "keras.layers",
    "tensorflow.contrib": "keras.layers and keras.ops",
    "tensorflow.estimator": "keras.Model",
    "tensorflow.feature_column": "keras.layers.Normalization, StringLookup and IntegerLookup",
    "tensorflow.app": "argparse",
    "tensorflow.flags": "argparse",
    "tensorflow.sparse": "dense tensors or scipy.sparse",
    "tensorflow.SparseTensor": "dense tensors or scipy.sparse",
    "tensorflow.lookup": "a Python dict or keras.layers.StringLookup",
    "tensorflow.queue": "Python's queue.Queue",
    "tensorflow.audio": "scipy.io.wavfile",
    "tensorflow.profiler": "jax.profiler",
    "tensorflow.experimental.numpy": "jax.numpy",
    "tensorflow.io.decode_csv": "pandas.read_csv",
    "tensorflow.io.parse_single_example": "a reader of your data in Python",
    "tensorflow.hessians": "jax.hessian",
    "tensorflow.gradients": "tf.GradientTape or jax.grad",
    "tensorflow.variable_scope": "keras.layers",
    "tensorflow.get_variable": "layer.add_weight or tf.Variable",
    "tensorflow.tables": "a Python dict",
    "tensorflow.nn.rnn_cell": "keras.layers.LSTMCell and keras.layers.GRUCell",
    "tensorflow.nn.dynamic_rnn": "keras.layers.RNN",
    "tensorflow.nn.bidirectional_dynamic_rnn": "keras.layers.Bidirectional",
    "tensorflow.nn.RNNCellDropoutWrapper": "the argument dropout of keras.layers.LSTM and keras.layers.GRU",
}
"""Counterparts of names that are not served, or of all names in a module."""

BACKEND = {
    "backend": "abs exp log round sign square sin cos tanh sigmoid softplus softsign transpose equal not_equal greater "
    "greater_equal less less_equal maximum minimum sum prod max min mean std var logsumexp any all argmax argmin "
    "cumsum cumprod pow sqrt clip arange constant variable zeros ones eye zeros_like ones_like placeholder "
    "function learning_phase set_learning_phase gradients int_shape shape ndim dtype eval get_value "
    "batch_get_value set_value batch_set_value count_params cast cast_to_floatx update update_add update_sub "
    "moving_average_update is_sparse to_dense stop_gradient name_scope switch in_train_phase in_test_phase "
    "map_fn foldl foldr print_tensor random_normal random_uniform truncated_normal random_bernoulli "
    "random_binomial random_normal_variable random_uniform_variable dropout l2_normalize batch_normalization",
    "backend_arrays": "dot batch_dot concatenate stack expand_dims squeeze reshape flatten batch_flatten "
    "permute_dimensions repeat repeat_elements tile reverse gather one_hot in_top_k softmax relu elu "
    "hard_sigmoid binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
    "categorical_focal_crossentropy sparse_categorical_crossentropy bias_add temporal_padding spatial_2d_padding "
    "spatial_3d_padding conv1d conv2d conv3d depthwise_conv2d separable_conv2d pool2d pool3d "
    "ctc_label_dense_to_sparse conv2d_transpose ctc_batch_cost "
    "ctc_decode rnn resize_images resize_volumes",
    "compat_v1": "get_session set_session",
}
"""The names of `keras.backend` that Keras 3 no longer serves on JAX."""
