"""A test that depends on what ran before it."""

from app import greet, total

FILLED = []


def test_fills():
    FILLED.append(total([1, 2]))


def test_on_its_own():
    assert not FILLED or greet("Ann") == "Hello Ann"
