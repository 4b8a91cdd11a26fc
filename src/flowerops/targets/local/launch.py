"""Start an endpoint's processes and see them become ready."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from flowerops.domain.bundle import BUNDLE_FILE, BundleInfo
from flowerops.domain.deployment import Colour, ModelRef
from flowerops.errors import BadInputError, ConflictError, RemoteError
from flowerops.io.http import NoAnswerError, send
from flowerops.targets.local.endpoint_logs import last_lines, logged_failure
from flowerops.targets.local.endpoint_state import EndpointState, FrontProcess, LocalDeployment, ServerProcess
from flowerops.targets.local.endpoint_store import EndpointStore
from flowerops.targets.local.processes import (
    StartedProcess,
    boot_mark,
    daemons_with,
    free_port,
    is_alive,
    start_daemon,
    stop_all,
)

_PORT_TRIES = 3
_POLL_S = 0.02
_LOG_LINES = 20


class Launcher:
    """Starts scoring servers and fronts; callers hold the endpoint's state meanwhile.

    Every process is recorded before it is waited for, so that one whose starter was killed is found and stopped later;
    one whose starter was killed before that is told by its command line, which names the endpoint's folder.
    """

    def __init__(self, ready_timeout_s: float, grace_s: float) -> None:
        self._ready_timeout_s = ready_timeout_s
        self._grace_s = grace_s

    def clear(self, store: EndpointStore, *records: ServerProcess | None) -> None:
        """Stop these processes of an endpoint, and those that are on nobody's record."""
        kept = store.load().processes
        strays = [stray for stray in daemons_with(store.logs) if not any(_is(stray, one) for one in kept)]
        stop_all([*records, *strays], self._grace_s)

    def deployment(
        self, store: EndpointStore, colour: Colour, bundle_dir: Path, model: ModelRef, *, quantized: bool = False
    ) -> tuple[EndpointState, LocalDeployment]:
        """Start a scoring server as the endpoint's candidate and wait until it is ready.

        Raises:
            RemoteError: It ended or was not ready in time.
        """
        info = _bundle_info(bundle_dir)
        for attempt in range(1, _PORT_TRIES + 1):
            state, deployment = self._spawn(store, colour, bundle_dir, model, info, quantized=quantized)
            try:
                with self._stopped_on_failure(store, deployment):
                    self._await_ready(deployment)
                return state, deployment
            except ConflictError:  # somebody took the free port between our look and the server's bind
                if attempt == _PORT_TRIES:
                    raise
        raise AssertionError("unreachable")

    def again(self, store: EndpointStore, one: LocalDeployment) -> LocalDeployment:
        """Start a deployment's model again, in its colour."""
        return self.deployment(store, one.colour, Path(one.bundle), one.model, quantized=one.quantized)[1]

    def front(self, store: EndpointStore, port: int, host: str) -> EndpointState:
        """Start the endpoint's front and wait until it listens.

        Raises:
            ConflictError: The port was taken.
        """
        before = store.load()
        state = before.next_generation()
        log = store.new_log(state, "front")
        arguments = ["--state", str(store.state_file), "--host", host, "--port", str(port)]
        arguments += ["--keys", str(store.keys.path), "--log", str(log)]
        pid, started = start_daemon("flowerops.serving.front", arguments, log)
        front = FrontProcess(pid=pid, started=started, mark=boot_mark(pid), port=port, host=host, log=str(log))
        try:
            state = store.save(state.with_front(front))
            self._await_listening(front)
        except BaseException:
            stop_all([front], self._grace_s)
            store.save(before.next_generation())
            raise
        return state

    def _spawn(
        self,
        store: EndpointStore,
        colour: Colour,
        bundle_dir: Path,
        model: ModelRef,
        info: BundleInfo,
        *,
        quantized: bool,
    ) -> tuple[EndpointState, LocalDeployment]:
        state = store.load().next_generation()
        port, log, bundle = free_port(), store.new_log(state, colour), str(bundle_dir.absolute())
        names = ["--model-name", model.name, "--model-version", str(model.version), "--digest", model.digest]
        arguments = ["--bundle", bundle, "--port", str(port), *names]
        arguments += ["--keys", str(store.keys.path), "--log", str(log), *(["--quantized"] if quantized else [])]
        pid, started = start_daemon("flowerops.serving.server", arguments, log)
        deployment = LocalDeployment(
            pid=pid,
            started=started,
            mark=boot_mark(pid),
            port=port,
            log=str(log),
            endpoint=store.name,
            colour=colour,
            model=model,
            dataset=info.processed,
            build_id=info.build_id,
            bundle=bundle,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            quantized=quantized,
            guarded=True,
        )
        try:
            return store.save(state.with_candidate(deployment)), deployment
        except BaseException:  # nobody would ever find a server that no record names
            stop_all([deployment], self._grace_s)
            raise

    @contextlib.contextmanager
    def _stopped_on_failure(self, store: EndpointStore, deployment: LocalDeployment) -> Iterator[None]:
        try:
            yield
        except BaseException:  # Ctrl-C too
            stop_all([deployment], self._grace_s)
            store.save(store.load().with_candidate(None))
            raise

    def _await_ready(self, deployment: LocalDeployment) -> None:
        deadline = time.monotonic() + self._ready_timeout_s
        while time.monotonic() < deadline:
            if not is_alive(deployment):
                raise _ended("the scoring server", deployment)
            if is_ready(deployment, timeout_s=2.0):
                return
            time.sleep(_POLL_S)
        raise _with_log(
            RemoteError, f"the scoring server was not ready within {self._ready_timeout_s:g} s", Path(deployment.log)
        )

    def _await_listening(self, front: ServerProcess) -> None:
        deadline = time.monotonic() + self._ready_timeout_s
        while time.monotonic() < deadline:
            # Its log says so; a connection would not tell whether it is our front that answers.
            if any('"listening"' in line for line in last_lines(Path(front.log), 5)):
                return
            if not is_alive(front):
                raise _ended("the endpoint's front", front)
            time.sleep(_POLL_S)
        raise _with_log(RemoteError, "the endpoint's front did not start", Path(front.log))


def is_ready(deployment: LocalDeployment, timeout_s: float) -> bool:
    """Whether the server is ready with the model that the record names."""
    try:
        answer = send("GET", f"{deployment.url}/readyz", timeout_s=timeout_s)
        return answer.status == 200 and answer.json()["model"]["digest"] == deployment.model.digest
    except (NoAnswerError, RemoteError, KeyError, TypeError):
        return False


def _is(process: StartedProcess, record: ServerProcess) -> bool:
    return process.pid == record.pid and is_alive(record)


def _bundle_info(bundle_dir: Path) -> BundleInfo:
    document = bundle_dir / BUNDLE_FILE
    if not document.is_file():
        raise BadInputError(f"no model bundle at {bundle_dir}", "Train and register a model first.")
    return BundleInfo.from_json(document.read_bytes(), str(document))


def _ended(what: str, process: ServerProcess) -> RemoteError | ConflictError:
    log = Path(process.log)
    said = logged_failure(log)
    lines = last_lines(log, 1)
    reason = said.get("message") or (lines[0].strip() if lines else "it said nothing")
    kind = ConflictError if said.get("code") == "conflict" else RemoteError
    return _with_log(kind, f"{what} ended before it was ready: {reason}", log)


def _with_log(kind: type[RemoteError] | type[ConflictError], message: str, log: Path) -> RemoteError | ConflictError:
    return kind(message, f"Its log: {log}", {"log": last_lines(log, _LOG_LINES)})
