"""Put a classifier on top of a converted backbone, without converting the backbone once more.

The two operators that come last are those that the converter writes for a softmax layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.io.litert_file import put_together, take_apart


def with_head(backbone: bytes, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> bytes:
    """A LiteRT model that gives softmax(features @ kernel + bias).

    Args:
        backbone: A LiteRT model with one output, float32 features [1, d].
        kernel: float32 [d, classes].
        bias: float32 [classes].

    Returns:
        The flatbuffer; its input is the backbone's, its output float32 [1, classes].
    """
    schema, model = take_apart(backbone)
    (graph,) = model.subgraphs
    (features,) = graph.outputs
    classes = len(bias)
    rows = _tensor(schema, model, "head/kernel", [classes, len(kernel)], np.ascontiguousarray(kernel.T))
    offsets = _tensor(schema, model, "head/bias", [classes], bias)
    scores = _tensor(schema, model, "head/scores", [1, classes])
    result = _tensor(schema, model, "probabilities", [1, classes])
    graph.operators += [
        _operator(schema, model, "FULLY_CONNECTED", [features, rows, offsets], scores),
        _operator(schema, model, "SOFTMAX", [scores], result),
    ]
    graph.outputs = np.array([result], np.int32)
    return put_together(model, len(backbone) + kernel.nbytes)


def _tensor(schema: Any, model: Any, name: str, shape: list[int], values: npt.NDArray[np.float32] | None = None) -> int:
    """Add a tensor, constant where it has values; gives its number."""
    buffer, tensor = schema.BufferT(), schema.TensorT()
    if values is not None:
        buffer.data = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.name, tensor.shape, tensor.buffer = name, np.array(shape, np.int32), len(model.buffers) - 1
    tensor.type = schema.TensorType.FLOAT32
    tensor.quantization = schema.QuantizationParametersT()
    tensor.hasRank = True
    (graph,) = model.subgraphs
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(schema: Any, model: Any, name: str, inputs: list[int], output: int) -> Any:
    number = getattr(schema.BuiltinOperator, name)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.version = 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
    operator.builtinOptionsType, operator.builtinOptions = _options(schema, name)
    return operator


def _options(schema: Any, name: str) -> tuple[int, Any]:
    kinds = schema.BuiltinOptions
    if name == "SOFTMAX":
        softmax = schema.SoftmaxOptionsT()
        softmax.beta = 1.0
        return kinds.SoftmaxOptions, softmax
    return kinds.FullyConnectedOptions, schema.FullyConnectedOptionsT()
