"""Runs jobs for real: steps are processes on this machine, their inputs and outputs blobs."""

from azure_emulator.runner.runner import Runner

__all__ = ["Runner"]
