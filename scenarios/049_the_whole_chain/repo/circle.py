def area(radius):
    """Of a circle."""
    return quux(radius) ** 2
