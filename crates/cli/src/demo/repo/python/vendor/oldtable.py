"""A copy of somebody else's module."""


def cell(value):
    """The text of a cell."""
    return "" if value == None else str(value)
