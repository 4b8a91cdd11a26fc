"""`--tune`: train several times with other parameters, and keep those with the lowest validation cross-entropy."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from flowerops.domain.documents import digest_of
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.domain.search import Trial, Tuning, search_space, with_values
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.atomic import atomic_write
from flowerops.ml.checkpoint_place import TUNING_FILE
from flowerops.ml.fingerprint import decisive
from flowerops.ml.fit import Training, train
from flowerops.ml.learning import DivergedError
from flowerops.ml.oracle import Oracle
from flowerops.ml.runtime import configure, load_tensorflow, versions

OnTrial = Callable[[Trial, bool], None]


@dataclass(frozen=True)
class Found:
    """params: of the best trial; they search no further. tuning: all trials.

    features: images computed and cached in the first trial, None when it was remembered.
    """

    params: TrainParams
    tuning: Tuning
    features: dict[str, int] | None


def tune(work: Training, progress: Progress, on_trial: OnTrial) -> Found:
    """Search for good parameters.

    The first trial is the training as it was asked for, so that the search cannot end with something worse on the
    validation split. The others are proposed by Bayesian optimisation, see `ml.oracle`. All see the same features,
    which are computed once. The same data, parameters, seed and versions lead to the same search. Where the training
    has checkpoints, finished trials are kept beside them, and the same command goes on after the last one.

    Args:
        work: What to train on; `params.tune` says how many trials. Its checkpoints are held by the caller.
        progress: Gets the tasks of the first trial, and "tuning", counted in trials.
        on_trial: Called with each trial, and whether it was finished in an earlier attempt.

    Raises:
        BadInputError: There is nothing to search, or every training diverged.
        FlowerOpsError: As `fit.train` does.
    """
    space, count = search_space(work.params), work.params.tune or 0
    if not space:
        raise BadInputError(
            "there is nothing to tune: every parameter that could be searched is fixed",
            "Leave out one of --learning-rate, --weight-decay, --batch-size and --label-smoothing.",
        )
    tuning = Tuning(search=_identity(work), space=space, trials=[])
    file = work.checkpoints.folder / TUNING_FILE if work.checkpoints else None
    before = _finished_before(file, tuning)
    configure(work.params.seed, work.params.threads)
    search_on = _Search(work, tuning, file, before, on_trial)
    progress.message(f"trial 1 of {count}: the parameters as they are")
    search_on.trial(1, {}, progress)  # with bars of its own, for the features
    with Oracle(space, count, work.params.seed) as oracle, progress.task("tuning", count, "trial") as task:
        task.advance(1, _words(search_on.tuning))
        for number in range(2, count + 1):
            values = oracle.ask()
            if values is None:
                progress.message(f"there is nothing else to try after {number - 1} trials")
                break
            oracle.tell(search_on.trial(number, values, SilentProgress()).val_loss)
            task.advance(1, _words(search_on.tuning))
    tuning = search_on.tuning
    if all(trial.val_loss is None for trial in tuning.trials):
        raise BadInputError("the training diverged in every trial", "Give a lower --learning-rate.")
    return Found(with_values(work.params, dict(tuning.best.values)), tuning, search_on.features)


class _Search:
    """Trials, trained or remembered. before: those of an earlier attempt, by number. file: keeps them, if any."""

    def __init__(
        self, work: Training, tuning: Tuning, file: Path | None, before: dict[int, Trial], on_trial: OnTrial
    ) -> None:
        self._work = work
        self._file = file
        self._before = before
        self._on_trial = on_trial
        self.tuning = tuning
        self.features: dict[str, int] | None = None

    def trial(self, number: int, values: dict[str, float], progress: Progress) -> Trial:
        known = self._before.get(number)
        trial = known or self._run(number, values, progress)
        self.tuning = self.tuning.model_copy(update={"trials": [*self.tuning.trials, trial]})
        if self._file is not None and known is None:
            atomic_write(self._file, self.tuning.to_json())
        self._on_trial(trial, known is not None)
        return trial

    def _run(self, number: int, values: dict[str, float], progress: Progress) -> Trial:
        began = time.perf_counter()
        params = with_values(self._work.params, dict(values))
        try:
            trained = train(replace(self._work, params=params, checkpoints=None), progress, lambda *_: None)
        except DivergedError:
            return Trial(number=number, values=values, epochs=0, seconds=_since(began))
        finally:
            _forget_models()
        self.features = self.features or trained.features
        metrics = trained.metrics
        return Trial(
            number=number,
            values=values,
            val_loss=metrics["val_loss"],
            val_accuracy=metrics["val_accuracy"],
            epochs=int(metrics["epochs"]),
            seconds=_since(began),
        )


@contextlib.contextmanager
def shared_features(work: Training) -> Iterator[Training]:
    """The work with a cache of features that lasts for the block at least: trials need one, also with --no-cache."""
    if work.params.cache:
        yield work
        return
    work.cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work.cache_dir, prefix=".tmp-tuning-") as folder:
        yield replace(work, cache_dir=Path(folder), params=work.params.model_copy(update={"cache": True}))


def _identity(work: Training) -> str:
    """Equal for trainings whose trials would be the same."""
    params = decisive(work.params) | {"tune": None, "weights": work.params.weights}
    data = work.checkpoints.data if work.checkpoints else None
    return digest_of([data, params, work.labels, work.image_size, work.fit, versions()])


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)


def _forget_models() -> None:
    """Free the trial's graphs, and begin anew with the names of layers: they stand in the exported files."""
    load_tensorflow()
    import keras

    keras.utils.clear_session()


def _finished_before(file: Path | None, tuning: Tuning) -> dict[int, Trial]:
    if file is None or not file.is_file():
        return {}
    try:
        found = Tuning.from_json(file.read_bytes(), str(file))
    except StoreIntegrityError:  # a trial is quickly trained again
        return {}
    return {trial.number: trial for trial in found.trials} if found.search == tuning.search else {}


def _words(tuning: Tuning) -> str:
    last = tuning.trials[-1]
    said = "diverged" if last.val_loss is None else f"val loss {last.val_loss:.4f}"
    if all(trial.val_loss is None for trial in tuning.trials):
        return said
    best = tuning.best
    return f"{said} · best {best.val_loss:.4f} in trial {best.number}"
