"""How accurate spiking networks are on real data, and what they take.

`data` reads the data, `tasks` lists what is learned from it. `classifier` and
`forecaster` have the networks and their training; `scores` keeps and shows what comes
of it. `peer` trains the same layers in another framework.
"""
