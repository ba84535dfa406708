"""All boards by their names."""

from collections.abc import Mapping

from eyrie.platforms.arty_a7 import ARTY_A7
from eyrie.platforms.board import Board
from eyrie.platforms.icebreaker import ICEBREAKER
from eyrie.platforms.tang_nano_9k import TANG_NANO_9K
from eyrie.platforms.ulx3s_85f import ULX3S_85F

BOARDS: Mapping[str, Board] = {board.name: board for board in (ULX3S_85F, ICEBREAKER, TANG_NANO_9K, ARTY_A7)}
"""The boards."""
