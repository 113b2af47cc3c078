class Refused(ValueError):
    """A survey that cannot be done; the message says why in one sentence."""
