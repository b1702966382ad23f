def greet(name):
    """Says hello."""
    return "Hello " + name
