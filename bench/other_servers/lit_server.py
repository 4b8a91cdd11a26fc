"""LitServe with LiteRT. Arguments: PORT WORKERS."""

import base64
import sys
from typing import Any

import litserve
from common import LiteRtModel, answer_of, pixels_of


class Flowers(litserve.LitAPI):
    """The documented four methods."""

    def setup(self, device: str) -> None:
        """Load the model, in each worker."""
        self.model = LiteRtModel()

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # LitServe reads annotations
        """From the JSON to pixels."""
        return pixels_of(base64.b64decode(request["image"]))

    def predict(self, pixels: Any) -> Any:
        """Score."""
        return self.model(pixels)

    def encode_response(self, output: Any) -> dict[str, Any]:
        """From probabilities to the JSON."""
        return answer_of(output)


if __name__ == "__main__":
    server = litserve.LitServer(Flowers(), accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error")
