"""A bag."""


def put(item, bag=[]):
    """The bag with one more item in it."""
    bag.append(item)
    return bag
