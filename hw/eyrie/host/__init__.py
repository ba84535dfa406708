"""Links to a host: serial line, buses, registers, and the loader of images."""
