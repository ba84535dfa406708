"""What travels between the engine and the external memory that holds the feature maps."""

from amaranth.lib import data

map_read_request_layout = data.StructLayout({"address": 32, "words": 16, "coded": 1})
"""A run of ``words`` 64-bit words from ``address`` on, which counts in such words. With ``coded`` the run ends with the
first word whose highest bit is set: the last one of a run-length coded row, which is among them."""

map_write_layout = data.StructLayout({"address": 32, "data": 64})
"""A 64-bit word and where it goes."""
