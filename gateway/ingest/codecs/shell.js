// What stands around a maker's codec in its context; run by loading.py before the codec's own text.
//
// Invariants: what is used here is taken before the codec can change it; every call runs the codec's whole text anew, so that its
// variables start as the maker wrote them; names that a call left behind in the global object or in the prototypes are swept out
// after it, and built-in objects that it changed are restored, or else the next call gets another context. The answer is one line:
// JSON of the result, or {"!": [what is wrong, stack]}; only what stringify gives is handed out, because the engine's package
// cannot take a text that is still in parts.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
  const { slice } = String.prototype;
  const { isArray, prototype: arrays } = Array;
  const everything = globalThis, objects = Object.prototype, Time = Date, Fault = Error, Later = Promise, Stand = Proxy, Names = Set;
  const BARE = ["returned a list without data: taken as its data"];
  const AS_IN_JSON = { __proto__: null, value: Date.prototype.toISOString, configurable: true, writable: true };
  const text = String, big = Number;
  const generators = [function* () {}, async function* () {}].map(some => getPrototypeOf(some).prototype), isBefore = objects.isPrototypeOf;
  const withoutJson = [Map, Set, WeakMap, WeakSet, ArrayBuffer];

  for (const name of ["Atomics", "SharedArrayBuffer", "performance", "DOMException"]) deleteProperty(everything, name);
  Object.defineProperty(BigInt.prototype, "toJSON", { // a number where it is exact, else its digits as text
    value: function () { return this <= 9007199254740991n && this >= -9007199254740991n ? big(this) : text(this); },
    configurable: true, writable: true,
  });

  // What JSON would turn into {} in silence; empty for what it can show.
  function unseen(value) {
    if (value === null || typeof value !== "object") return "";
    if (isArray(value)) return "";
    if (value instanceof Later) return "a promise; a codec must answer at once, without async";
    for (let i = 0; i < generators.length; i++)
      if (apply(isBefore, generators[i], [value])) return "a generator; a codec must answer at once, with function and not function*";
    for (let i = 0; i < withoutJson.length; i++)
      if (value instanceof withoutJson[i]) return "a " + withoutJson[i].name + ", which JSON cannot show";
    return "";
  }

  function isPlain(value) { return typeof value === "object" && value !== null && getPrototypeOf(value) === objects; }

  function kind(value) {
    if (value === null || value === undefined) return text(value);
    return typeof value === "object" ? unseen(value) : "a " + typeof value;
  }

  function wrong(what, stack) { return stringify({ "!": [what, stack] }); }

  function thrown(error) { // may run the codec's own toString: under the limit of time, and what that throws is no matter
    try {
      if (error === null) return wrong("null, or out of memory", "");
      if (error instanceof Fault) return wrong(error.name + ": " + error.message, text(error.stack));
      if (typeof error !== "object") return wrong("threw " + text(error), "");
      return wrong("threw " + (typeof error.message === "string" ? error.message : shown(error)), "");
    } catch { return wrong("threw what cannot be shown", ""); }
  }

  // An object without a message: as JSON, or in its own words where JSON has none.
  function shown(error) {
    const json = stringify(error);
    return json === undefined || json === "{}" ? text(error) : json;
  }

  function makeConsole(keep) {
    const console = {};
    let said = "", count = 0;
    const say = keep ? function () {
      if (++count > 20) return;
      let line = "";
      for (let i = 0; i < arguments.length; i++) {
        let part = arguments[i];
        if (typeof part !== "string") { try { part = text(stringify(part)); } catch { part = "?"; } }
        line += (i ? " " : "") + part;
      }
      said += (said && "\n") + apply(slice, line, [0, 200]);
    } : function () {};
    for (const name of ["log", "info", "warn", "error", "debug", "trace", "dir", "table", "assert", "group", "groupEnd", "time", "timeEnd"])
      console[name] = say;
    function taken() {
      const line = stringify(said);
      said = "";
      count = 0;
      return line;
    }
    return { console, taken };
  }

  // Node's require: what is asked of it is there until it is used, so that a codec runs as far as it does not need it.
  function absent(name) {
    const wanted = function () { throw new Fault("codec wants " + (name[0] === "." ? "its file " : "Node's ") + name + ": not available"); };
    return new Stand(wanted, {
      get(_, key) { return typeof key === "symbol" || key === "__esModule" ? undefined : absent(name + "." + key); },
      construct: wanted,
    });
  }

  function makeRequire(Buffer) {
    return function (name) { return Buffer && (name === "buffer" || name === "node:buffer") ? { Buffer } : absent(text(name)); };
  }

  // A Date, as TS013 says, whose text is that of JSON: makers take it for a text too, and Date.parse of a Date's own text loses the ms.
  function timeOf(ms) {
    const time = new Time(ms);
    defineProperty(time, "toString", AS_IN_JSON);
    return time;
  }

  const entries = [
    ["decodeUplink", function $shell(decodeUplink, owner, asked) { // LoRa Alliance TS013; time: ThingPark before that
      const recvTime = timeOf(asked[2]);
      return apply(decodeUplink, owner, [{ bytes: asked[0], fPort: asked[1], recvTime, time: recvTime, variables: asked[3] }]);
    }],
    ["Decode", function $shell(Decode, owner, asked) { return apply(Decode, owner, [asked[1], asked[0], asked[3]]); }], // ChirpStack v3
    ["Decoder", function $shell(Decoder, owner, asked) { return apply(Decoder, owner, [asked[0], asked[1]]); }], // The Things Network v2
  ];

  // Puts back, after a call, what a codec can have changed of the built-in objects; false: it could not. Only what its text names is
  // looked at, for to look at all takes longer than most calls: a text that hides a name deceives its own next call, nobody else's.
  function makeRestore(words, Buffer) {
    const named = new Names(words.split(" "));
    const among = (...some) => some.some(name => named.has(name));
    const tracked = new Names([everything, objects, arrays]);
    const track = object => {
      if (object === null || (typeof object !== "object" && typeof object !== "function") || tracked.has(object)) return;
      tracked.add(object);
      if (typeof object === "function") track(object.prototype);
    };
    for (const name of ownKeys(everything)) if (named.has(name) && name !== "undefined") track(everything[name]);
    if (Buffer) track(Buffer);
    if (among("constructor", "__proto__", "getPrototypeOf", "setPrototypeOf")) { // objects that have no name of their own
      for (const name of ownKeys(everything)) track(everything[name]);
      for (const some of [[][Symbol.iterator](), ""[Symbol.iterator](), new Map().keys(), new Names().keys(), "".matchAll(/a/g), function* () {}, async function () {}])
        for (let object = some; object; object = getPrototypeOf(object)) track(object);
    }
    const isDeep = among("defineProperty", "defineProperties", "__defineGetter__", "__defineSetter__");
    const list = [...tracked], keys = isDeep ? list.map(ownKeys) : [], rows = [];
    for (const object of list)
      for (const key of ownKeys(object)) {
        if (!named.has(typeof key === "symbol" ? "Symbol" : key)) continue;
        const { writable, value } = getOwnPropertyDescriptor(object, key);
        if (writable) rows.push([object, key, value]);
      }

    function sweep(object, known) {
      const now = ownKeys(object);
      let unknown = 0;
      if (now.length !== known.length)
        for (let k = 0; k < now.length; k++) {
          let i = 0;
          while (i < known.length && known[i] !== now[k]) i++;
          if (i === known.length && !deleteProperty(object, now[k])) unknown++;
        }
      return !unknown;
    }

    return function () { // with nothing that may be spoilt: no iteration, no method of an array
      let isSame = true;
      for (let i = 0; i < list.length; i++) {
        const object = list[i];
        for (const name in object) deleteProperty(object, name);
        if (isDeep && !sweep(object, keys[i])) isSame = false;
      }
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i];
        if (row[0][row[1]] !== row[2])
          isSame = defineProperty(row[0], row[1], { value: row[2], writable: true, configurable: true, enumerable: false }) && isSame;
      }
      return isSame;
    };
  }

  // define(module, exports, console, require, context, Buffer, share) runs the codec's text and gives what it declared: its functions
  // by the names above, and its variable driver. words: all names in its text.
  return function (define, keepConsole, Buffer, words) {
    const { console, taken } = makeConsole(keepConsole);
    const require = makeRequire(Buffer);
    const restore = makeRestore(words, Buffer);
    let isSpoilt = false;

    function share(names) { // what other servers run as a script stands in the global object: this.f()
      for (const name in names) if (names[name] !== undefined && !(name in everything)) everything[name] = names[name];
    }

    function load() {
      const module = { exports: {} };
      return { declared: define(module, module.exports, { __proto__: console }, require, [], Buffer, share), module };
    }

    function find(loaded, name) { // the function and whose it is; one that is declared is nobody's
      const declared = loaded.declared[name], exports = loaded.module.exports;
      if (typeof declared === "function") return { decode: declared, owner: undefined };
      const places = [loaded.declared.driver, exports, exports?.driver, exports?.default];
      for (let i = 0; i < places.length; i++) {
        const decode = places[i]?.[name];
        if (typeof decode === "function") return { decode, owner: places[i] };
      }
      return undefined;
    }

    let n = 0;
    const loaded = load();
    while (!find(loaded, entries[n][0]))
      if (++n === entries.length) throw "there is no function decodeUplink, Decode or Decoder";
    const name = entries[n][0], call = entries[n][1];
    restore();

    return function $shell(line) { // null: what it wrote to its console; the name marks where the codec's own part of a stack ends
      if (line === null) return taken();
      if (isSpoilt) throw "spoilt";
      let answer;
      try {
        const asked = parse(line);
        const found = find(load(), name);
        const result = call(found.decode, found.owner, asked);
        let what = isPlain(result) ? "" : kind(result);
        const data = what || n ? null : result.data;
        if (!isPlain(data) && unseen(data)) what = "data that is " + unseen(data);
        if (what) answer = wrong("returned " + what, "");
        else if (n) answer = stringify({ data: result });
        else answer = stringify(isArray(result) ? { data: result, warnings: BARE } : result);
      } catch (error) { answer = thrown(error); }
      isSpoilt = !restore();
      return answer;
    };
  };
})()
