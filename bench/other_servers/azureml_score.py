"""A score.py with Keras for azureml-inference-server-http, which takes the photo's bytes."""

from __future__ import annotations

from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse
from common import KerasModel, answer_of, pixels_of


def init() -> None:
    """Load the model."""
    global model  # noqa: PLW0603
    model = KerasModel()


@rawhttp
def run(request: AMLRequest) -> AMLResponse:
    """Answer a photo."""
    return AMLResponse(answer_of(model(pixels_of(request.get_data()))), 200, json_str=True)
