"""The features that a model decides by: what goes into its last layer, out of the LiteRT file itself.

A bundle's `model.tflite` ends in a fully connected layer and a softmax, whatever the backbone. The tensor before them
is made a second output of the graph, so that one run of the network gives probabilities and features, with all of the
runtime's fast kernels and without TensorFlow.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from flowerops.domain.bundle import TFLITE_FILE
from flowerops.errors import BadInputError
from flowerops.images import prepare_image
from flowerops.io.litert_file import put_together, take_apart
from flowerops.serving.interpreters import Pixels, Probabilities, open_interpreter
from flowerops.serving.scorer import Scorer

Features = npt.NDArray[np.float32]


class Seen(NamedTuple):
    """features: float32 [d]. probabilities: float32 [classes], 0..1, in the order of the labels."""

    features: Features
    probabilities: Probabilities


class FeatureModel:
    """A verified bundle that gives features besides probabilities. Any number of threads may ask at once.

    Args:
        bundle_dir: The sealed folder.
        expected_digest: The digest that it must have.

    Raises:
        StoreIntegrityError, UsageError: As `Scorer.load` does.
        BadInputError: As `Scorer.load` does, or the model has no such layer.
    """

    def __init__(self, bundle_dir: Path, expected_digest: str) -> None:
        self.info = Scorer.load(bundle_dir, expected_digest, 1).info
        self._model = with_features((bundle_dir / TFLITE_FILE).read_bytes())
        self._of_thread = threading.local()

    def prepare(self, data: bytes) -> Pixels:
        """A file's bytes as the model takes them, uint8 RGB [size, size, 3].

        Raises:
            ImageRejectedError: The bytes are not an acceptable image.
        """
        return prepare_image(data, self.info.geometry.size, self.info.geometry.fit).pixels

    def look(self, pixels: Pixels) -> Seen:
        """Features and probabilities of one prepared image."""
        interpreter, (given, probabilities, features) = self._interpreter()
        interpreter.set_tensor(given, pixels.astype(np.float32)[None])
        interpreter.invoke()
        return Seen(interpreter.get_tensor(features)[0].ravel(), interpreter.get_tensor(probabilities)[0])

    def _interpreter(self) -> tuple[Any, tuple[int, int, int]]:
        """This thread's own."""
        if not hasattr(self._of_thread, "mine"):
            interpreter = open_interpreter(self._model)
            outputs = [int(detail["index"]) for detail in interpreter.get_output_details()]
            self._of_thread.mine = interpreter, (int(interpreter.get_input_details()[0]["index"]), *outputs)
        mine: tuple[Any, tuple[int, int, int]] = self._of_thread.mine
        return mine


def with_features(model: bytes) -> bytes:
    """A LiteRT model whose second output is what goes into its last fully connected layer, float32 [1, d].

    Args:
        model: A LiteRT model that ends in a fully connected layer, with or without a softmax behind.

    Raises:
        BadInputError: It ends in something else.
        UsageError: LiteRT is not installed.
    """
    schema, tree = take_apart(model)
    (graph,) = tree.subgraphs
    last = _made_by(graph, int(graph.outputs[0]))
    if last is not None and _kind(tree, last) == schema.BuiltinOperator.SOFTMAX:
        last = _made_by(graph, int(last.inputs[0]))
    if last is None or _kind(tree, last) != schema.BuiltinOperator.FULLY_CONNECTED:
        raise BadInputError(
            f"{TFLITE_FILE} does not end in a fully connected layer, so it has no features to compare",
            "Only networks that flowerops train has exported have them.",
        )
    graph.outputs = np.array([graph.outputs[0], last.inputs[0]], np.int32)
    tree.signatureDefs = []  # they name one output only, and nobody here calls by signature
    return put_together(tree, len(model))


def _made_by(graph: Any, tensor: int) -> Any:
    return next((one for one in graph.operators if tensor in one.outputs), None)


def _kind(tree: Any, operator: Any) -> int:
    code = tree.operatorCodes[operator.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))  # old files have the second only
