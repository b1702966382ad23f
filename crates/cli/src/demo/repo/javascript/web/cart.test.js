'use strict';

const test = require('node:test');
const assert = require('node:assert');
const { total, isEmpty } = require('./cart.js');

test('the total counts every piece', () => {
    assert.strictEqual(total([{ cents: 350, count: 2 }, { cents: 120, count: 1 }]), 820);
});

test('a cart without lines is empty', () => {
    assert.strictEqual(isEmpty([]), true);
    assert.strictEqual(isEmpty([{}]), false);
});
