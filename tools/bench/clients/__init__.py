"""The clients that are compared, each used as one who knows it would: nothing here but what an app would write.

They have the same methods, those of `Client` and `AsyncClient` in `tools.bench.workloads`. What only some of these need is
imported there: a process that measures the first call pays for that call's imports alone.
"""
