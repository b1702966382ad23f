import greet


def test_greet():
    assert greet.greet("Ada") == "Hello Ada"
