function same(a, b) {
  return typeof a == typeof b;
}

module.exports = { same };
