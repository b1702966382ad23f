'use strict';

function total(lines) {
    var sum = 0;
    for (const line of lines) {
        sum += line.cents * line.count;
    }
    return sum;
}

function isEmpty(lines) {
    return !!lines.length ? false : true;
}

module.exports = { total: total, isEmpty };
