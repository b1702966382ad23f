"""What the stock promises."""

import unittest

from stock import query, report


class Reports(unittest.TestCase):
    def test_collecting_goes_on_with_a_given_list(self):
        self.assertEqual(report.collect("tea", ["milk"]), ["milk", "tea"])

    def test_items_without_a_place_are_found(self):
        items = [{"name": "tea", "place": None}, {"name": "milk", "place": "A1"}]
        self.assertEqual([item["name"] for item in report.without_place(items)], ["tea"])

    def test_no_items_are_an_empty_list(self):
        self.assertEqual(report.as_json([]), "[]")


class Queries(unittest.TestCase):
    def test_a_comparison_is_a_condition(self):
        self.assertEqual(query.without_place(), "place IS NULL")


if __name__ == "__main__":
    unittest.main()
