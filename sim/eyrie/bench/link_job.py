"""What campaigns against a link send: a small network with inputs, outputs and image, for a small engine."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.mapping import map_network
from eyrie.compile.random_network import draw_case
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.schedule import run_network
from eyrie.eie.config import TINY, EieConfig
from eyrie.host.config import FASTEST

IntArray = npt.NDArray[np.int64]

LINK_ENGINE = replace(TINY, n_pes=3, entry_depth=1 << 9, table_depth=1 << 8, program_depth=1 << 10)
"""Three PEs with multipliers, so that every section of an image is used."""

SERIAL_ENGINE = replace(LINK_ENGINE, n_pes=1)
"""The same with one PE, which makes no difference to a serial line."""

LINK_HOST = replace(FASTEST, link_timeout=400, input_depth=64, output_depth=64)
"""Five bytes of silence, and small queues."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinkJob:
    """A network and samples for it.

    Parameters
    ----------
    network : CompiledNetwork
    inputs : int64 (samples, n_in)
    outputs : int64 (samples, n_out)
        After the golden model.
    """

    network: CompiledNetwork
    inputs: IntArray
    outputs: IntArray

    @cached_property
    def image(self) -> bytes:
        """The network as it goes over the link."""
        return pack_link_image(self.network)

    @property
    def words(self) -> npt.NDArray[np.uint32]:
        """The same, word by word."""
        return np.frombuffer(self.image, "<u4").astype(np.uint32)


def draw_link_job(seed: int, config: EieConfig = LINK_ENGINE, *, largest_side: int = 6, samples: int = 16) -> LinkJob:
    """A network of up to three layers for this engine, and inputs over their whole range, drawn at random."""
    case = draw_case(seed, config=config, largest_side=largest_side, most_layers=3)
    network = map_network(case.network, config, sized=False, placements=case.placements).compiled
    low, high = network.clip
    inputs = np.random.default_rng(seed).integers(low, high + 1, (samples, network.inputs))
    return LinkJob(network=network, inputs=inputs, outputs=run_network(network, inputs))
