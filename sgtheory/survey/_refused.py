class Refused(ValueError):
    """What a survey cannot do, in one sentence."""
