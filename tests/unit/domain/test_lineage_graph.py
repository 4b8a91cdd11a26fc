from __future__ import annotations

import json
import uuid

from hypothesis import given
from hypothesis import strategies as st

from flowerops.domain.lineage import Lineage
from flowerops.domain.mermaid import mermaid
from flowerops.domain.openlineage import openlineage


def model_graph() -> tuple[Lineage, str]:
    graph = Lineage()
    model = graph.add("model", "flower_classifier:1", digest="abc")
    run = graph.add("run", "r1")
    steps = [graph.add("step", name) for name in ("train", "evaluate")]
    data = graph.add("dataset", "flowers:1", files=3, made_by=None)
    graph.link(model, run, "made by")
    for step in steps:
        graph.link(run, step, "ran")
        graph.link(step, data, "read")
    return graph, model


def test_the_document_lists_nodes_and_edges_in_the_order_added():
    graph, _ = model_graph()
    document = json.loads(json.dumps(graph.document()))
    assert document["nodes"][0] == {
        "id": "model:flower_classifier:1",
        "kind": "model",
        "name": "flower_classifier:1",
        "digest": "abc",
    }
    assert document["nodes"][-1] == {"id": "dataset:flowers:1", "kind": "dataset", "name": "flowers:1", "files": 3}
    assert document["edges"] == [
        ["model:flower_classifier:1", "run:r1", "made by"],
        ["run:r1", "step:train", "ran"],
        ["step:train", "dataset:flowers:1", "read"],
        ["run:r1", "step:evaluate", "ran"],
        ["step:evaluate", "dataset:flowers:1", "read"],
    ]


def test_the_same_thing_is_one_node_and_one_edge():
    graph, model = model_graph()
    nodes, edges = graph.nodes(), graph.edges()
    assert graph.add("run", "r1", status="again") == "run:r1"
    graph.link(model, "run:r1", "made by")
    assert (graph.nodes(), graph.edges()) == (nodes, edges)


def test_two_kinds_may_share_a_name():
    graph = Lineage()
    assert graph.add("run", "x") != graph.add("step", "x")
    assert len(graph.nodes()) == 2


def test_a_missing_thing_says_so():
    graph = Lineage()
    graph.add("dataset", "flowers:1", missing=True)
    assert graph.document()["nodes"] == [
        {"id": "dataset:flowers:1", "kind": "dataset", "name": "flowers:1", "missing": True}
    ]


def test_a_fact_cannot_take_the_place_of_the_id():
    graph = Lineage()
    graph.add("build", "7", id="other", system="github")
    assert graph.document()["nodes"][0]["id"] == "build:7"


def test_the_tree_shows_a_shared_node_again_but_not_what_is_below_it():
    graph, model = model_graph()
    parent = graph.add("dataset", "raw:1")
    graph.link("dataset:flowers:1", parent, "made from")
    shown = [(depth, relation, node.name, again) for depth, relation, node, again in graph.tree(model)]
    assert shown == [
        (0, "", "flower_classifier:1", False),
        (1, "made by", "r1", False),
        (2, "ran", "train", False),
        (3, "read", "flowers:1", False),
        (4, "made from", "raw:1", False),
        (2, "ran", "evaluate", False),
        (3, "read", "flowers:1", True),
    ]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30))
def test_the_tree_ends_whatever_the_edges_and_shows_each_reachable_node_once(edges):
    graph = Lineage()
    ids = [graph.add("node", str(number)) for number in range(8)]
    for source, target in edges:
        graph.link(ids[source], ids[target], "to")
    shown = [node.name for _, _, node, again in graph.tree(ids[0]) if not again]
    reachable = {0}
    for _ in range(8):
        reachable |= {target for source, target in edges if source in reachable}
    assert sorted(map(int, shown)) == sorted(reachable)
    assert len(list(graph.tree(ids[0]))) <= 1 + len(set(edges))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_layers_hold_every_node_once_and_arrows_lead_on(pairs):
    graph = Lineage()
    for number in range(10):
        graph.add("step", str(number))
    for one, other in pairs:
        if one < other:
            graph.link(f"step:{one}", f"step:{other}", "ran")
    layers = graph.layers()
    depth = {node.id: index for index, layer in enumerate(layers) for node in layer}
    assert len(depth) == sum(map(len, layers)) == 10
    assert all(depth[edge.source] < depth[edge.target] for edge in graph.edges())


def test_layers_of_a_circle_end():
    graph = Lineage()
    ids = [graph.add("step", name) for name in "ab"]
    graph.link(ids[0], ids[1], "ran")
    graph.link(ids[1], ids[0], "ran")
    assert sum(map(len, graph.layers())) == 2


def test_one_graph_takes_another_in_and_keeps_everything_once():
    first, _ = model_graph()
    second, _ = model_graph()
    second.add("build", "4711")
    first.include(second)
    assert len(first.nodes()) == len(second.nodes())
    assert len(first.edges()) == len(second.edges())


def test_mermaid_takes_no_text_for_more_than_text():
    graph = Lineage()
    model = graph.add("model", 'a"]; click x "javascript:alert(1)"', missing=True)
    graph.link(model, graph.add("run", "<b>|r"), 'ran"|')
    drawn = mermaid(graph)
    assert drawn.startswith("flowchart LR\n")
    assert drawn.count('"') == 4
    assert "<" not in drawn
    assert "class n0 missing" in drawn


def test_openlineage_tells_of_steps_that_ended():
    graph = Lineage()
    run = graph.add("run", "0" * 32, run_type="run")
    model = graph.add("model", "m:3", run_id="0" * 32)
    graph.link(model, run, "made by")
    raw, processed = graph.add("dataset", "flowers:1"), graph.add("dataset", "flowers_processed:2")
    graph.link(processed, raw, "made from")
    for name, relation in {"preprocess": "made", "train": "read", "register": None, "going on": "read"}.items():
        ended = None if name == "going on" else "2026-01-01T00:00:00.000+00:00"
        step = graph.add("step", f"{name} 1", run_id=f"step-{name}", status="FINISHED", ended=ended)
        graph.link(run, step, "ran")
        if relation:
            graph.link(step, processed, relation)
    events = {event["job"]["name"]: event for event in openlineage(graph, "urn:test")}
    assert list(events) == ["preprocess", "train", "register"]
    assert [one["name"] for one in events["preprocess"]["inputs"]] == ["flowers"]
    assert [one["name"] for one in events["preprocess"]["outputs"]] == ["flowers_processed"]
    assert events["train"]["inputs"][0]["facets"]["version"]["datasetVersion"] == "2"
    assert [one["name"] for one in events["register"]["outputs"]] == ["models/m"]
    for event in events.values():
        assert event["eventType"] == "COMPLETE"
        uuid.UUID(event["run"]["runId"])
        assert event["run"]["facets"]["parent"]["run"]["runId"] == str(uuid.UUID("0" * 32))
