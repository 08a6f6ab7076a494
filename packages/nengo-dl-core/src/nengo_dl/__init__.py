"""NengoDL: Nengo networks on TensorFlow."""
