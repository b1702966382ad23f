def part(name):
    return "Bye " + name
