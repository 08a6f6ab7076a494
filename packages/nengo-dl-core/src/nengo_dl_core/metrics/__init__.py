"""What a simulation takes: memory, operations, energy.

`devices` has the energies of operations, `results` the values that are reported.
`structure` finds what is counted in a built model, with the help of `weightings` and
`reach`, `footprint` the memory, and `measurement` counts operations in a run, by
`counters`.
"""
