"""flowerops: the lifecycle of image classifiers, from labelled photos to a smoke-tested endpoint."""

__version__ = "0.1.0"
