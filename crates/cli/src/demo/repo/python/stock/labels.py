"""Labels for the shelves."""


def label(item):
    """The label of one item."""
    return render_with_barcode(item["name"])
