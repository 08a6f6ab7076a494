"""What is simulated, as a value: memory, stages, inputs and probes of a program.

Imports the rooms `network`, `builders` and `passes`.
"""
