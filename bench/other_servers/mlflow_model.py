"""A model for MLflow's server, "from code": a data frame with photos in base64 in, labels and probabilities out."""

from __future__ import annotations

import base64
from typing import Any

import mlflow
from common import KerasModel, answer_of, pixels_of


class Flowers(mlflow.pyfunc.PythonModel):
    """Keras behind a data frame."""

    def load_context(self, context: Any) -> None:
        """Load the model."""
        self.model = KerasModel()

    def predict(self, context: Any, model_input: Any, params: Any = None) -> list[dict[str, Any]]:
        """Score each row."""
        return [answer_of(self.model(pixels_of(base64.b64decode(text)))) for text in model_input["image"]]


mlflow.models.set_model(Flowers())
