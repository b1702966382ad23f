"""Reports about the stock."""


def collect(item, items=[]):
    """The items with one more."""
    items.append(item)
    return items


def without_place(items):
    """The items that nobody has put anywhere."""
    return [item for item in items if item["place"] == None]


def as_json(items):
    """The items for other programs."""
    if not items:
        return "[]"
    return json.dumps(items, sort_keys=True)
