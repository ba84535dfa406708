"""A script that has Vivado place and route a system, for families that no open tool from a package does."""

from eyrie.platforms.build_job import BuildJob

VIVADO_FILE = "build.tcl"
"""Name of the script."""


def vivado_script(job: BuildJob) -> str:
    """Tcl for ``vivado -mode batch -source build.tcl``; it fails if a clock is missed."""
    (part,), (top_file, _), (constraint_file, _) = job.board.options, job.top_file, job.constraint_file
    return f"""# {job.design.top} on {job.board.title}: vivado -mode batch -source {VIVADO_FILE}
# Not tried by those who wrote it: they route with open tools alone.
read_verilog {job.system.top}.v
read_verilog {top_file}
read_xdc {constraint_file}
synth_design -top {job.design.top} -part {part}
opt_design
place_design
phys_opt_design
route_design
report_utilization -file utilisation.txt
report_timing_summary -file timing.txt
if {{[get_property SLACK [get_timing_paths -max_paths 1]] < 0}} {{
  error "the clock is missed: see timing.txt"
}}
write_bitstream -force {job.board.name}.bit
"""
