"""Torture case 5: SIGINT in register ends with its code, and nothing is listed; train: `test_resumed_training`."""

from __future__ import annotations

import signal
from pathlib import Path

from helpers.command import flowerops
from torture.harness import leftovers, signalled


def test_sigint_in_register_ends_with_130_and_lists_nothing(trained: Path) -> None:
    interrupted = signalled(trained / ".flowerops/bundles", 3, signal.SIGINT)  # while the bundle is copied
    outcome = flowerops("register", "--json", cwd=trained, env=interrupted)
    assert outcome.code == 130, outcome
    assert outcome.document["error"]["code"] == "interrupted"
    assert "Traceback" not in outcome.stderr
    assert leftovers(trained / ".flowerops") == []
    assert list((trained / ".flowerops/bundles").iterdir()) == []
    document = flowerops("register", "--json", cwd=trained).document
    # Had it been listed before, it would exist: a run is registered once.
    assert (document["model"]["version"], document["existed"], document["champion"]) == (1, False, True)
