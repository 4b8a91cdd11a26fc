"""A small synthetic sample set: drawings of flowers, so that everything can be tried without photos."""

from flowerops.samples.draw import LABELS, draw_sample_set
from flowerops.samples.marker import MARK, is_sample_set

__all__ = ["LABELS", "MARK", "draw_sample_set", "is_sample_set"]
