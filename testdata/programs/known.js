// A program that knows its calls: main calls outer, and so on, down to leaf, which takes nearly all of the time. Each
// function has its own lines, and none is called by two others. `known.js SECONDS`
'use strict';

function leaf(rounds) {
    let sum = 0;
    for (let i = 0; i < rounds; i++) {
        sum = (sum * 31 + i) | 0;
    }
    return sum;
}

class Shape {
    area(rounds) {
        return leaf(rounds) ^ 1;
    }

    static make(rounds) {
        const shape = new Shape();
        return shape.area(rounds);
    }

    get made() {
        return Shape.make(this.rounds);
    }
}

const arrow = (shape) => {
    return shape.made;
};

// A name that only its place gives, and characters of two bytes in the source: → ☂.
const table = {};
table.inferred = function (shape) {
    return arrow(shape);
};

// More variables in one scope than V8 lists in its description.
const crowded = (function () {
    let a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0, a8 = 0, a9 = 0;
    let b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0, b7 = 0, b8 = 0, b9 = 0;
    let c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0, c6 = 0, c7 = 0, c8 = 0, c9 = 0;
    let d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0, d6 = 0, d7 = 0, d8 = 0, d9 = 0;
    let e0 = 0, e1 = 0, e2 = 0, e3 = 0, e4 = 0, e5 = 0, e6 = 0, e7 = 0, e8 = 0, e9 = 0;
    let f0 = 0, f1 = 0, f2 = 0, f3 = 0, f4 = 0, f5 = 0, f6 = 0, f7 = 0, f8 = 0, f9 = 0;
    let g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0, g6 = 0, g7 = 0, g8 = 0, g9 = 0;
    let h0 = 0, h1 = 0, h2 = 0, h3 = 0, h4 = 0, h5 = 0, h6 = 0, h7 = 0, h8 = 0, h9 = 0;
    return function crowd(shape) {
        eval('');
        return table.inferred(shape) + a0 + h9;
    };
})();

const made = new Function('next', 'shape', 'return next(\nshape);\n//# sourceURL=made.js');

function mapped(shape) {
    return [0].map(function each() {
        return made(crowded, shape);
    })[0];
}

function* generated(shape) {
    while (true) {
        yield mapped(shape);
    }
}

function outer(steps) {
    return steps.next().value;
}

(function main() {
    const shape = Object.assign(new Shape(), { rounds: 20000 });
    const steps = generated(shape);
    const end = Date.now() + 1000 * Number(process.argv[2] ?? 1);
    let sum = 0;
    while (Date.now() < end) {
        sum ^= outer(steps);
    }
    return sum;
})();
