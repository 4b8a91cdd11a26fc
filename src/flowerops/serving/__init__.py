"""From a model bundle to answers over HTTP, without TensorFlow: the scoring core and its servers."""
