"""What changed between two raw versions, photo by photo and class by class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from flowerops.domain.dataset import RawFile
from flowerops.domain.documents import Document


class Relabelled(Document):
    """The same bytes under another class. before, after: paths."""

    before: str
    after: str


class DatasetDiff(Document):
    """From one version to another; paths are those of the newer version, for `removed` of the older.

    A photo is its bytes: the same bytes at another path of the same class are `moved`, under another class
    `relabelled`. duplicates: further copies in the newer version. conflicts: paths of bytes that the newer version has
    under several classes.
    """

    added: list[str]
    removed: list[str]
    relabelled: list[Relabelled]
    moved: list[Relabelled]
    classes_added: list[str]
    classes_removed: list[str]
    duplicates: list[str]
    conflicts: list[str]


def diff(before: Sequence[RawFile], after: Sequence[RawFile]) -> DatasetDiff:
    """Compare two versions' rows; for a first version `before` is empty."""
    old, new = _by_content(before), _by_content(after)
    relabelled, moved = [], []
    for sha256 in sorted(set(old) & set(new)):
        was, now = old[sha256][0], new[sha256][0]
        if {row.label for row in old[sha256]} != {row.label for row in new[sha256]}:
            relabelled.append(Relabelled(before=was.path, after=now.path))
        elif now.path not in {row.path for row in old[sha256]}:
            moved.append(Relabelled(before=was.path, after=now.path))
    old_classes, new_classes = {row.label for row in before}, {row.label for row in after}
    return DatasetDiff(
        added=sorted(new[sha256][0].path for sha256 in set(new) - set(old)),
        removed=sorted(old[sha256][0].path for sha256 in set(old) - set(new)),
        relabelled=relabelled,
        moved=moved,
        classes_added=sorted(new_classes - old_classes),
        classes_removed=sorted(old_classes - new_classes),
        duplicates=sorted(_copies(new)),
        conflicts=sorted(_conflicts(new)),
    )


def union(before: Sequence[RawFile], after: Sequence[RawFile]) -> list[RawFile]:
    """The older version's photos and those of the newer one that it lacks.

    A new photo whose path is taken by another one gets its hash into its name.
    """
    known = {(row.sha256, row.label) for row in before}
    taken = {row.path for row in before}
    added = []
    for row in sorted(after, key=lambda row: row.path):
        if (row.sha256, row.label) in known:
            continue
        path = row.path if row.path not in taken else _renamed(row)
        known.add((row.sha256, row.label))
        taken.add(path)
        added.append(replace(row, path=path))
    return [*before, *added]


def summary(changes: DatasetDiff, quarantined: int, skipped: int) -> str:
    """The plan in one line, such as `+100 files, +1 class "lily", 3 duplicates, 1 quarantined`."""
    parts = [f"+{len(changes.added):,} files"]
    if changes.removed:
        parts.append(f"-{len(changes.removed):,} files")
    parts += _classes("+", changes.classes_added) + _classes("-", changes.classes_removed)
    counts = {
        "relabelled": len(changes.relabelled),
        "moved": len(changes.moved),
        "duplicates": len(changes.duplicates),
        "under several classes": len(changes.conflicts),
        "quarantined": quarantined,
        "skipped": skipped,
    }
    return ", ".join([*parts, *(f"{count:,} {name}" for name, count in counts.items() if count)])


def _classes(sign: str, names: list[str]) -> list[str]:
    if not names:
        return []
    quoted = ", ".join(f'"{name}"' for name in names[:5]) + (" …" if len(names) > 5 else "")
    return [f"{sign}{len(names)} {'class' if len(names) == 1 else 'classes'} {quoted}"]


def _by_content(rows: Sequence[RawFile]) -> dict[str, list[RawFile]]:
    found: dict[str, list[RawFile]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.path):
        found[row.sha256].append(row)
    return found


def _copies(content: dict[str, list[RawFile]]) -> Iterable[str]:
    for rows in content.values():
        per_label = Counter[str]()
        for row in rows:
            per_label[row.label] += 1
            if per_label[row.label] > 1:
                yield row.path


def _conflicts(content: dict[str, list[RawFile]]) -> Iterable[str]:
    for rows in content.values():
        if len({row.label for row in rows}) > 1:
            yield from (row.path for row in rows)


def _renamed(row: RawFile) -> str:
    stem, dot, suffix = row.path.rpartition(".")
    return f"{stem}~{row.sha256[:8]}.{suffix}" if dot and "/" not in suffix else f"{row.path}~{row.sha256[:8]}"
