"""Python, the disk, and whether a GPU lies idle."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from flowerops.domain.doctor import Diagnosis, diagnosis
from flowerops.services.checks.gpu import driver_lines
from flowerops.services.checks.patient import Patient, version_of

_LOW_BYTES = 5 << 30
_LOW_TEMP_BYTES = 1 << 30
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "lustre", "beegfs"}


def check_python(patient: Patient) -> list[Diagnosis]:
    """Whether this Python runs flowerops."""
    del patient
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        return [diagnosis("Python", "problem", version, "Use Python 3.11, 3.12 or 3.13.")]
    if sys.maxsize < 2**32:
        return [
            diagnosis("Python", "problem", f"{version} of 32 bits", "Use a Python of 64 bits: TensorFlow needs it.")
        ]
    return [diagnosis("Python", "ok", version)]


def check_room(patient: Patient) -> list[Diagnosis]:
    """Whether the disks have room for photos, models and temporary files."""
    home = existing(patient.settings.home)
    free = shutil.disk_usage(home).free
    found = f"{free / 2**30:.1f} GiB free in {home}"
    low = free < _LOW_BYTES
    to_do = "Free some (flowerops gc), or put the home folder elsewhere: --home." if low else None
    seen = [diagnosis("disk", "note" if low else "ok", found, to_do, free_bytes=free)]
    temp = Path(tempfile.gettempdir())
    if (left := shutil.disk_usage(temp).free) < _LOW_TEMP_BYTES:
        found = f"{left / 2**30:.1f} GiB free for temporary files in {temp}"
        seen.append(diagnosis("disk", "note", found, "Free some, or set TMPDIR to a folder with room."))
    if (kind := file_system(home)) in _NETWORK:
        found = f"{home} is on a network file system ({kind}), on which SQLite's locks are not reliable"
        seen.append(diagnosis("disk", "note", found, "Put the home folder on a local disk: --home."))
    return seen


def check_idle_gpu(patient: Patient) -> list[Diagnosis]:
    """Whether the driver has a GPU that the installed TensorFlow cannot use; without loading TensorFlow."""
    lines = driver_lines(patient.env)
    if not lines:
        return []
    if version_of("tensorflow") is None and version_of("tensorflow-cpu") is not None:
        to_do = 'pip install "tensorflow[and-cuda]" in place of tensorflow-cpu; flowerops doctor --gpu says more'
        return [diagnosis("GPU", "note", f"{lines[0]}, but TensorFlow is built for CPUs only", to_do)]
    return [diagnosis("GPU", "ok", f"{'; '.join(lines)}; flowerops doctor --gpu asks TensorFlow")]


def existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """The kind of file system that a path is on; None where the system does not say."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    entries = [line.split(" ") for line in lines]
    above = {str(path.resolve()), *map(str, path.resolve().parents)}
    found = [(len(entry[1]), entry[2]) for entry in entries if len(entry) > 2 and entry[1] in above]
    return max(found)[1] if found else None
