"""What travels between the engine and the external memory that holds the feature maps."""

from amaranth.lib import data

map_read_request_layout = data.StructLayout({"address": 32, "words": 16})
"""A run of ``words`` 64-bit words from ``address`` on, which counts in such words."""

map_write_layout = data.StructLayout({"address": 32, "data": 64})
"""A 64-bit word and where it goes."""
