"""Measurements of flowerops beside the alternatives. `make bench` writes bench/results/table.md."""
