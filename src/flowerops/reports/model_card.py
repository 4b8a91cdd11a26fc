"""The model card: what a bundle is, for whoever finds it."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from flowerops.domain.bundle import BundleInfo
from flowerops.reports.pages import is_link, render_markdown

_FITS = {
    "pad": "scaled to fit and centred on a white square",
    "crop": "scaled so that the shorter side fills the square, and cut at the centre",
    "stretch": "stretched to a square, whatever the aspect ratio",
}


def render_model_card(info: BundleInfo, splits: Mapping[str, Mapping[str, int]] | None = None) -> str:
    """Render the card as Markdown, from the bundle's facts alone.

    Args:
        info: What the bundle says about itself.
        splits: Images by split, then by label, when known.
    """
    return render_markdown(
        "model_card.md.j2",
        info=info,
        fit=_FITS[info.geometry.fit],
        splits=splits or {},
        build_link=Markup(info.build.uri) if info.build and info.build.uri and is_link(info.build.uri) else None,  # noqa: S704,
    )
