"""Which hardware a network of segments is for."""

from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, Segment, SegmentedNetwork
from eyrie.eie.config import EieConfig
from eyrie.rowstat.config import RowstatConfig

EngineConfig = RowstatConfig | EieConfig


def segment_config(segment: Segment) -> EngineConfig | None:
    """The engine of a segment, None on the host."""
    if isinstance(segment, ConvolutionSegment):
        return segment.config
    return segment.compiled.config if isinstance(segment, DenseSegment) else None


def configurations(network: SegmentedNetwork) -> tuple[EngineConfig, ...]:
    """The engines of all segments, each once."""
    return tuple(dict.fromkeys(config for segment in network.segments if (config := segment_config(segment))))
