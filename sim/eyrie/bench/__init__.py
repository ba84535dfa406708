"""Simulation of the emitted Verilog."""
