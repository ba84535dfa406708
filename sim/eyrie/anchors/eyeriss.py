"""The figures of Eyeriss (Chen et al., JSSC 52(1), 2017): convolutions of AlexNet and VGG-16 on its 12 x 14 array."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, get_args

from eyrie.anchors.eie import published_layers
from eyrie.anchors.published import rows

SOURCE = "Chen et al., Eyeriss, IEEE JSSC 52(1), 2017"
"""Where all times and accesses here come from; the file names the tables, and the sources of the shapes."""

PES = 168
"""Processing elements of the paper's array."""

NetworkName = Literal["alexnet", "vgg16"]

NETWORKS: tuple[NetworkName, ...] = get_args(NetworkName)
"""Networks with published figures."""

_FIRST_FULLY_CONNECTED: Final = {"alexnet": "alex-6", "vgg16": "vgg-6"}  # of EIE's layers


@dataclass(frozen=True, kw_only=True)
class PublishedConvolution:
    """One convolution, tables III, V and VI of the paper.

    Parameters
    ----------
    network : str
    layer : str
    batch : int
        Images of the published times and accesses.
    channels, size, filters, kernel, stride, padding, groups : int
        Channels in all, height and width of the map without padding, filters in all, height and width of a filter,
        both strides, padding on each side, groups.
    processing_ms : float
        Milliseconds of processing for the whole batch, loads from DRAM not counted.
    active_pes : int
    ifmap_zero_fraction : float
        Share of ifmap values that are zero.
    output_zero_fraction : float
        Share of output values that are taken to be zero: that of the next layer's ifmaps, which pooling of maxima
        between the two can only lower. Behind the last convolution it is that of the inputs of the first fully
        connected layer (EIE, ISCA 2016, table III).
    glb_mb, dram_mb : float
        Megabytes moved to and from the global buffer and DRAM, at 16 bits a value.
    clock_mhz : int
    mark : str
        How the figures are known: V is seen in the paper's own text, V2 in a secondary one.
    """

    network: str
    layer: str
    batch: int
    channels: int
    size: int
    filters: int
    kernel: int
    stride: int
    padding: int
    groups: int
    processing_ms: float
    active_pes: int
    ifmap_zero_fraction: float
    output_zero_fraction: float
    glb_mb: float
    dram_mb: float
    clock_mhz: int
    mark: str

    @property
    def output_size(self) -> int:
        """Height and width of the output map."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def macs(self) -> int:
        """Multiplies for one image, those with padding among them."""
        taps = self.channels // self.groups * self.kernel**2
        return taps * self.filters * self.output_size**2

    @property
    def processing_cycles(self) -> int:
        """Clock cycles of the processing time, for the whole batch."""
        return round(self.processing_ms * self.clock_mhz * 1000)


def published_convolutions(network: NetworkName) -> tuple[PublishedConvolution, ...]:
    """The convolutions of a network in order."""
    (dense,) = (layer for layer in published_layers() if layer.name == _FIRST_FULLY_CONNECTED[network])
    found = [row for row in rows("eyeriss_layers.csv") if row["network"] == network]
    zeros = [float(row["ifmap_zero_fraction"]) for row in found] + [1 - dense.activation_density]
    return tuple(
        PublishedConvolution(
            network=row["network"],
            layer=row["layer"],
            batch=int(row["batch"]),
            channels=int(row["channels"]),
            size=int(row["size"]),
            filters=int(row["filters"]),
            kernel=int(row["kernel"]),
            stride=int(row["stride"]),
            padding=int(row["padding"]),
            groups=int(row["groups"]),
            processing_ms=float(row["processing_ms"]),
            active_pes=int(row["active_pes"]),
            ifmap_zero_fraction=before,
            output_zero_fraction=after,
            glb_mb=float(row["glb_mb"]),
            dram_mb=float(row["dram_mb"]),
            clock_mhz=int(row["clock_mhz"]),
            mark=row["mark"],
        )
        for row, (before, after) in zip(found, pairwise(zeros), strict=True)
    )
