"""The filter stream: the weights of every pass in the order in which the loader takes them."""

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.compile.rowstat.loops import Loops
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig


def filter_blocks(layer: ConvLayer, config: RowstatConfig, loops: Loops) -> npt.NDArray[np.uint64]:
    """Words of all blocks that a layer has, uint64 (groups, filter sets, channel groups, words).

    The words of a filter set and a channel group are its slots' blocks: for each column set, for each group of four
    rows, filter by filter and value by value, one word with a weight for each of the four rows. Weights of rows, pairs
    and filters that are not there are zero.
    """
    shape, mapping = loops.shape, loops.mapping
    groups, window = shape.groups, shape.kernel[1]
    sets, channel_groups = loops.n_filter_sets, loops.n_channel_groups
    weight = layer.weight.reshape(groups, shape.group_filters, shape.pairs, window)
    padded = np.zeros((groups, sets * mapping.set_filters, channel_groups * mapping.pass_pairs, window), np.int16)
    padded[:, : shape.group_filters, : shape.pairs] = weight
    split = padded.reshape(
        groups, sets, mapping.sets, mapping.filters, channel_groups, mapping.slots, mapping.slot_pairs, window
    )
    rows = np.zeros((*split.shape[:6], BUS_WORDS * config.row_groups, window), np.int16)
    rows[:, :, :, :, :, :, : mapping.slot_pairs] = split
    lanes = rows.reshape(*split.shape[:6], config.row_groups, BUS_WORDS, window)
    #                 group set cg slot  T row-group p  S lane
    ordered = lanes.transpose(0, 1, 4, 5, 2, 6, 3, 8, 7)
    words = np.ascontiguousarray(ordered).astype("<i2", copy=False).view("<u8")
    return words.astype(np.uint64, copy=False).reshape(groups, sets, channel_groups, -1)


def filter_stream(layer: ConvLayer, config: RowstatConfig, loops: Loops) -> npt.NDArray[np.uint64]:
    """Words of the filter stream of a layer, uint64 (words,): the blocks of every change of filters, pass by pass."""
    blocks = filter_blocks(layer, config, loops)
    changes = [(step.group, step.filter_set, step.channel_group) for step in loops.passes if step.last_of_set]
    group, filter_set, channel_group = np.array(changes).T
    return blocks[group, filter_set, channel_group].reshape(-1)
