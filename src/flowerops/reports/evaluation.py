"""The evaluation report: one HTML file that needs nothing else, and a short Markdown summary."""

from __future__ import annotations

from flowerops.reports import charts, views
from flowerops.reports.facts import ReportFacts
from flowerops.reports.lineage import drawn
from flowerops.reports.pages import part, render_html, render_markdown, script_hash

RELIABILITY_SIDE = 230


def render_report(facts: ReportFacts) -> str:
    """Render the report as one HTML page.

    Style, script, charts and photos are inside; its content security policy forbids the page any network and any
    script but its own. Everything in `facts` is escaped.
    """
    misclassified, unsure = views.cards(facts.examples, facts.metrics.labels)
    splits, split_rows = views.split_table(facts.dataset)
    matrix = views.matrix(facts.metrics)
    script = part("report.js")
    comparison = facts.comparison
    return render_html(
        "report.html.j2",
        facts=facts,
        metrics=facts.metrics,
        wrong=round(facts.metrics.n * (1 - facts.metrics.accuracy)),
        verdict=views.OUTCOMES[facts.decision.outcome] if facts.decision else None,
        matrix=matrix,
        mistakes=views.mistakes(facts.metrics, 5 if matrix else 40),
        class_rows=views.class_rows(facts.metrics),
        misclassified=misclassified,
        unsure=unsure,
        gallery=views.small_cards(facts.gallery, facts.metrics.labels),
        explained=any(card.overlay for card in misclassified),
        graph=drawn(facts.lineage) if facts.lineage else None,
        comparison=comparison if comparison and comparison.n else None,
        difference=charts.number_line(comparison.difference, comparison.ci95) if comparison else None,
        agreement=views.agreement(comparison) if comparison else [],
        reliability=charts.reliability_dots(facts.metrics.reliability, RELIABILITY_SIDE),
        side=RELIABILITY_SIDE,
        learning=charts.learning_charts(facts.history),
        chart=charts,
        splits=splits,
        split_rows=split_rows,
        style=part("report.css"),
        script=script,
        script_hash=script_hash(script),
    )


def render_summary_markdown(facts: ReportFacts) -> str:
    """Render the summary for a pull request or a job page. Everything in `facts` is escaped."""
    return render_markdown(
        "summary.md.j2",
        facts=facts,
        metrics=facts.metrics,
        verdict=views.OUTCOMES[facts.decision.outcome] if facts.decision else None,
        comparison=facts.comparison if facts.comparison and facts.comparison.n else None,
        class_rows=views.class_rows(facts.metrics),
        mistakes=views.mistakes(facts.metrics, 5),
        weak=[each for each in facts.slices if each.weak][:5],
    )
