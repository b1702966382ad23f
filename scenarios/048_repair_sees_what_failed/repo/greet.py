"""Says hello."""


def greet(name):
    return "Hello " + name
