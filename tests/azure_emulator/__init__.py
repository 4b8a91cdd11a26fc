"""Azure Machine Learning on loopback, for tests: the service's REST answers, real blobs, real jobs, real servers."""

from azure_emulator.emulator import Emulator, running_emulator, serve_python
from azure_emulator.faults import Fault, JobFault, quota_exceeded

__all__ = ["Emulator", "Fault", "JobFault", "quota_exceeded", "running_emulator", "serve_python"]
