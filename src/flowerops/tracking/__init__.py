"""The ledger of runs and model versions, kept by MLflow: a SQLite file locally, the workspace's own server in Azure ML.

Models are logged as plain artifacts and registered explicitly; MLflow's own model flavours are never used.
"""

from flowerops.tracking.client import load_mlflow
from flowerops.tracking.ledger import Ledger
from flowerops.tracking.page import ui_command
from flowerops.tracking.records import ModelRecord, RunRecord
from flowerops.tracking.step_tracker import StepTracker

__all__ = ["Ledger", "ModelRecord", "RunRecord", "StepTracker", "load_mlflow", "ui_command"]
