class Refused(ValueError):
    """Something that the command cannot do; the message says why in one sentence."""
