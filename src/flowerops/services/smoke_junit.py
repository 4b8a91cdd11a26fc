"""A smoke test's checks as JUnit XML."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from flowerops.io.atomic import atomic_write
from flowerops.services.smoke import SmokeResult


def write_junit(result: SmokeResult, path: Path) -> None:
    """Write the checks as JUnit XML, which every build server shows."""
    failed = sum(not check.passed for check in result.checks)
    suite = ElementTree.Element(
        "testsuite", name="flowerops smoke test", tests=str(len(result.checks)), failures=str(failed), errors="0"
    )
    for check in result.checks:
        case = ElementTree.SubElement(suite, "testcase", classname="smoketest", name=_xml(check.name))
        if check.passed:
            ElementTree.SubElement(case, "system-out").text = _xml(check.detail)
        else:
            ElementTree.SubElement(case, "failure", message=_xml(check.detail))
    ElementTree.indent(suite)
    atomic_write(path, ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
