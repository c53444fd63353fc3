"""Prices of a small shop, in cents."""


def total(prices):
    """The sum of all prices."""
    result = 0
    for price in prices:
        result += price
    return result


def average(prices):
    """The mean price."""
    return total(prices) / len(prices)


if __name__ == "__main__":
    print(average([199, 250, 1200]))
    print(average([]))
