"""The filter stream: the weights of every pass, or their codes, in the order in which the loader takes them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.tape import block_sections
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig


def filter_blocks(weight: npt.NDArray[Any], config: RowstatConfig, loops: Loops) -> npt.NDArray[Any]:
    """Weights of all blocks that a layer has, (groups, filter sets, channel groups, weights), or codes likewise.

    The weights of a filter set and a channel group are its slots' blocks: for each column set, for each group of four
    rows, filter by filter and value by value, a weight for each of the four rows. Weights of rows, pairs and filters
    that are not there are zero.

    Parameters
    ----------
    weight : int16 or uint8 (filters, channels of a group, R, S)
        Weights or codes, of which 0 stands for zero.
    config : RowstatConfig
    loops : Loops
    """
    shape, mapping = loops.shape, loops.mapping
    groups, window = shape.groups, shape.kernel[1]
    sets, channel_groups = loops.n_filter_sets, loops.n_channel_groups
    own = weight.reshape(groups, shape.group_filters, shape.pairs, window)
    padded = np.zeros((groups, sets * mapping.set_filters, channel_groups * mapping.pass_pairs, window), weight.dtype)
    padded[:, : shape.group_filters, : shape.pairs] = own
    split = padded.reshape(
        groups, sets, mapping.sets, mapping.filters, channel_groups, mapping.slots, mapping.slot_pairs, window
    )
    rows = np.zeros((*split.shape[:6], BUS_WORDS * config.row_groups, window), weight.dtype)
    rows[:, :, :, :, :, :, : mapping.slot_pairs] = split
    lanes = rows.reshape(*split.shape[:6], config.row_groups, BUS_WORDS, window)
    #                       group set cg slot  T row-group p  S lane
    return lanes.transpose(0, 1, 4, 5, 2, 6, 3, 8, 7).reshape(groups, sets, channel_groups, -1)


def filter_stream(layer: ConvLayer, config: RowstatConfig, loops: Loops) -> npt.NDArray[np.uint64]:
    """Words of the filter stream of a layer, uint64 (words,): the blocks of every change of filters, pass by pass.

    Codes of a LAYER command begin with a new word.
    """
    codes = layer.codes
    blocks = filter_blocks(layer.weight.astype("<i2") if codes is None else codes, config, loops)
    changes = [(step.group, step.filter_set, step.channel_group) for step in loops.passes if step.last_of_set]
    group, filter_set, channel_group = np.array(changes).T
    ends = np.cumsum([n // loops.mapping.slots for n in block_sections(loops).values()])
    sections = np.split(blocks[group, filter_set, channel_group], ends[:-1])
    return np.concatenate([_words(section.reshape(-1)) for section in sections])


def _words(values: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    per_word = 8 // values.itemsize
    return np.pad(values, (0, -len(values) % per_word)).view("<u8").astype(np.uint64, copy=False)
