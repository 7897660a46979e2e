// What stands around a maker's codec in its context; run by child.py before the codec's own text.
//
// Invariants: what is used here is taken before the codec can change it; every call runs the codec's whole text anew, so that its
// variables start as the maker wrote them; names that a call left behind in the global object or in the prototypes are swept out
// after it. The answer is one line: JSON of the result, or {"!": [what is wrong, stack]}; only what stringify gives is handed out,
// because the engine's package cannot take a text that is still in parts.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const { apply, deleteProperty } = Reflect;
  const { slice } = String.prototype;
  const { isArray, prototype: arrays } = Array;
  const everything = globalThis, objects = Object.prototype, Time = Date, Fault = Error, Later = Promise, text = String, big = Number;

  deleteProperty(everything, "Atomics");
  deleteProperty(everything, "SharedArrayBuffer");
  Object.defineProperty(BigInt.prototype, "toJSON", { // a number where it is exact, else its digits as text
    value: function () { return this <= 9007199254740991n && this >= -9007199254740991n ? big(this) : text(this); },
    configurable: true, writable: true,
  });

  function kind(value) {
    if (value === null || value === undefined) return text(value);
    if (isArray(value)) return "an array";
    if (value instanceof Later) return "a promise; a codec must answer at once";
    return typeof value === "object" ? "" : "a " + typeof value;
  }

  function wrong(what, stack) { return stringify({ "!": [what, stack] }); }

  function thrown(error) { // may run the codec's own toString: under the limit of time, and what that throws is no matter
    try {
      if (error === null) return wrong("null, or out of memory", "");
      return error instanceof Fault ? wrong(error.name + ": " + error.message, text(error.stack)) : wrong("threw " + text(error), "");
    } catch { return wrong("threw what cannot be shown", ""); }
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

  const entries = [
    function $shell(decodeUplink, bytes, fPort, ms, variables) { // LoRa Alliance TS013
      return decodeUplink({ bytes, fPort, recvTime: new Time(ms), variables });
    },
    function $shell(Decode, bytes, fPort, ms, variables) { return Decode(fPort, bytes, variables); }, // ChirpStack v3
    function $shell(Decoder, bytes, fPort) { return Decoder(bytes, fPort); }, // The Things Network v2
  ];

  // define(module, exports, console, n) runs the codec's text and gives its function number n, or undefined.
  return function (define, keepConsole) {
    const { console, taken } = makeConsole(keepConsole);
    function entry(n) {
      const module = { exports: {} };
      return define(module, module.exports, console, n);
    }
    function sweep() {
      for (const name in everything) { deleteProperty(everything, name); deleteProperty(objects, name); }
      for (const name in arrays) deleteProperty(arrays, name);
    }
    let n = 0;
    while (typeof entry(n) !== "function")
      if (++n === entries.length) throw "there is no function decodeUplink, Decode or Decoder";
    const call = entries[n];
    sweep();

    return function $shell(line) { // null: what it wrote to its console; the name marks where the codec's own part of a stack ends
      if (line === null) return taken();
      let answer;
      try {
        const asked = parse(line);
        const result = call(entry(n), asked[0], asked[1], asked[2], asked[3]);
        const what = kind(result);
        if (what) answer = wrong("returned " + what, "");
        else answer = stringify(n === 0 ? result : { data: result });
      } catch (error) { answer = thrown(error); }
      sweep();
      return answer;
    };
  };
})()
