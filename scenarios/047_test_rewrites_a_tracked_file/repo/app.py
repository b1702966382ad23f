"""Greets and adds."""


def greet(name):
    return "Hello " + name


def total(values):
    return sum(values)
