import unittest

from bag import put


class Put(unittest.TestCase):
    def test_a_given_bag_is_used(self):
        self.assertEqual(put(2, [1]), [1, 2])

    def test_bags_are_not_shared(self):
        self.assertEqual((put(1), put(2)), ([1], [2]))
