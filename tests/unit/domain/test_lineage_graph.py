from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from flowerops.domain.lineage import Lineage


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
