"""One test that will break, one that fails already, and one that fails only behind another one."""

from app import greet, total

FILLED = []


def test_greet():
    assert greet("Ann") == "Hello Ann"


def test_total_of_nothing():
    assert total([]) is None


def test_fills():
    FILLED.append(total([1, 2]))


def test_on_its_own():
    assert not FILLED
