"""Activations for EIE's benchmark that make the work of the paper's theoretical times."""

from dataclasses import replace

from eyrie.anchors.eie import PublishedLayer
from eyrie.bench.eie_layers import draw_layer
from eyrie.bench.eie_storage import paper_entries


def with_theoretical_work(published: PublishedLayer, seed: int) -> PublishedLayer:
    """The layer with as many activations that are not zero as its theoretical time has work for.

    The paper's theoretical times are the entries of its real matrices, fillers included, that meet an activation,
    spread evenly over the PEs, one a cycle. On seven of the nine layers a random matrix with the published densities
    has as many, to 8 %. On alex-8 and vgg-6 it has 16 % and 18 % fewer, so that actual times cannot be compared there.
    This keeps the matrix and changes the share of the activations, to at most all of them.

    Parameters
    ----------
    published : PublishedLayer
    seed : int
        The matrix is the one that `draw_layer` draws with it.
    """
    entries = paper_entries(draw_layer(published, seed).codes, published.pes)
    theoretical_entries = published.theoretical_us * published.clock_mhz * published.pes
    return replace(published, activation_density=min(1.0, theoretical_entries / entries))
