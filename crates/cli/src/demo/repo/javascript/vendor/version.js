'use strict';

function version() {
    var text = '1.0';
    return text;
}

module.exports = { version };
