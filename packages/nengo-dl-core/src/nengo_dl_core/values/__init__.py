"""What a simulation holds: state, parameters, records, files, frozen networks.

Imports the rooms that a program is made in.
"""
