from __future__ import annotations

from flowerops.domain.lineage import Lineage
from flowerops.reports.lineage import render_lineage


def test_everything_is_on_the_page_escaped_and_nothing_is_loaded():
    graph = Lineage()
    model = graph.add("model", "m:1<script>", champion=True, classes=["a", "b"], counts={"a": 2})
    graph.link(model, graph.add("run", "r", missing=True), "made <by>")
    page = render_lineage(graph, "m:1", "two things")
    assert page.count("<script>") == 1
    assert "m:1&lt;script&gt;" in page
    assert "made &lt;by&gt;" in page
    assert "run · missing" in page
    assert "a 2" in page
    assert "src=" not in page


def test_an_empty_graph_is_a_page_too():
    assert "Lineage" in render_lineage(Lineage(), "nothing", "")
