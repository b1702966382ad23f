def is_free(owner):
    """Whether nobody owns it."""
    return owner == None
