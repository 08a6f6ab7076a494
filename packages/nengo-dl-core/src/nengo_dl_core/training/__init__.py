"""The Keras side: layer, model, samples, losses, callbacks.

Imports all other rooms.
"""
