"""Benchmarks: what a unit of work costs the server in CPU time, beside a reference of the same run."""
