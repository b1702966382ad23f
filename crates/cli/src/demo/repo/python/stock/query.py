"""Conditions for a database, written as comparisons."""


class Column:
    """A column; comparing it gives a condition and not a truth value."""

    def __init__(self, name):
        self.name = name

    def __eq__(self, value):
        if value is None:
            return f"{self.name} IS NULL"
        return f"{self.name} = {value!r}"


def without_place():
    """The condition for items without a place."""
    return Column("place") == None
