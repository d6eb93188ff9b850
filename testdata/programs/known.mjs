// A module that knows its calls: each root calls its own chain of functions, down to `spin`, which takes nearly all of the
// time. A worker runs the same. `known.mjs SECONDS [ADDON]`: the add-on is a native function that calls another one.
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import vm from 'node:vm';
import { Worker, isMainThread } from 'node:worker_threads';

function spin(rounds = 4000) {
    let sum = 0;
    for (let i = 0; i < rounds; i++) {
        sum = (sum * 31 + i) | 0;
    }
    return sum;
}

// Classes: a derived constructor, its base, fields, private methods, symbols, accessors, statics, closures.
class Base {
    field = this.#hidden();

    constructor() {
        this.kept = 1;
    }

    #hidden() {
        return this[Symbol.iterator]();
    }

    [Symbol.iterator]() {
        return (this.value = 2);
    }

    set value(value) {
        Base.create(value);
    }

    static create(value) {
        return (() => {
            return (function () {
                return spin() + value;
            })();
        })();
    }
}

class Derived extends Base {
    constructor() {
        super();
        this.more = 1;
    }
}

function classes() {
    return new Derived();
}

// Functions that built-in ones call.
const target = {
    toJSON() {
        return Reflect.apply(viaReflect, null, [1]);
    },
};

function viaReflect(value) {
    return 'x'.replace(/x/, function replacer() {
        return bound(value);
    });
}

const bound = function original(self, value) {
    return proxied.anything + self + value;
}.bind(null, 1);

const proxied = new Proxy({}, {
    get(object, key) {
        return [key, 2, 1].sort(function compare(a, b) {
            return a === b ? 0 : coerced + 1;
        });
    },
});

const coerced = {
    [Symbol.toPrimitive]() {
        return tagged`text`;
    },
};

function tagged() {
    new Map([[1, 1]]).forEach((value) => {
        spin();
    });
    return 1;
}

function callbacks() {
    return JSON.stringify(target);
}

// Code from texts.
const script = new vm.Script('(function scripted(next) {\n    return next();\n})', {
    filename: 'script.js',
    lineOffset: 10,
});
const scripted = script.runInThisContext();
const constructed = new Function('next', 'return next();\n//# sourceURL=constructed.js');
const evaluated = eval('(function inEval(next) { return next(); })\n//# sourceURL=evaluated.js');
const unnamed = vm.runInNewContext('(next) => {\n    return next();\n}', {}, 'context.js');

function texts() {
    return scripted(() => {
        return constructed(() => {
            return evaluated(() => {
                return unnamed(spin);
            });
        });
    });
}

// Node's own JavaScript.
const emitter = new EventEmitter();
emitter.on('event', function listener() {
    spin();
});

function internals() {
    emitter.emit('event');
}

// Generators and closures.
function* numbers() {
    for (;;) {
        yield* inner();
    }
}

function* inner() {
    yield spin();
}

const counter = (() => {
    let step = 0;
    return () => {
        const [first] = numbers();
        return first + step++;
    };
})();

function closures() {
    return counter();
}

// Many small functions, which are not inlined where too many are called at one place.
const hops = [
    function hop0(i) { return bottom(i + 0); },
    function hop1(i) { return bottom(i + 1); },
    function hop2(i) { return bottom(i + 2); },
    function hop3(i) { return bottom(i + 3); },
    function hop4(i) { return bottom(i + 4); },
    function hop5(i) { return bottom(i + 5); },
    function hop6(i) { return bottom(i + 6); },
    function hop7(i) { return bottom(i + 7); },
];

function bottom(i) {
    return (i * 7) ^ 3;
}

function hop(i) {
    return hops[i & 7](i);
}

function small() {
    let sum = 0;
    for (let i = 0; i < 2000; i++) {
        sum ^= hop(i);
    }
    return sum;
}

// Asynchronous functions: what is resumed has no caller.
async function resumed() {
    await null;
    return waited();
}

function waited() {
    return spin();
}

async function* asyncNumbers() {
    await null;
    yield spin();
}

async function consume() {
    for await (const number of asyncNumbers()) {
        target.number = number;
    }
}

function timed(resolve) {
    spin();
    resolve();
}

// A native function of an add-on, which calls the function that it gets.
const path = process.argv[3];
const native = path ? createRequire(import.meta.url)(path).call : (next) => next();

function addon() {
    return native(function called() {
        return spin();
    });
}

const roots = [classes, callbacks, texts, internals, closures, small, addon];

async function main(seconds) {
    const end = Date.now() + 1000 * seconds;
    while (Date.now() < end) {
        for (const root of roots) {
            root();
        }
        await resumed();
        await consume();
        await new Promise((resolve) => {
            setImmediate(timed, resolve);
        });
    }
}

if (isMainThread) {
    new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
}
await main(Number(process.argv[2] ?? 1));
