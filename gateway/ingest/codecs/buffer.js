// Node's Buffer, as far as makers' codecs use it: a Uint8Array that reads numbers and knows encodings. Run by loading.py only for a
// codec that names it. What is out of range throws, as in Node; an encoding that is not known here does too.
(function () {
  "use strict";
  const FORMS = {
    UInt8: "Uint8", Int8: "Int8", UInt16: "Uint16", Int16: "Int16", UInt32: "Uint32", Int32: "Int32",
    Float: "Float32", Double: "Float64", BigUInt64: "BigUint64", BigInt64: "BigInt64",
  };
  const ALIKE = {
    utf8: "utf8", "utf-8": "utf8", hex: "hex", base64: "base64", base64url: "base64", ascii: "ascii",
    latin1: "latin1", binary: "latin1", ucs2: "utf16le", "ucs-2": "utf16le", utf16le: "utf16le", "utf-16le": "utf16le",
  };
  const CHARACTERS = String.fromCharCode;

  function encodingOf(name) {
    const known = ALIKE[name === undefined || name === null ? "utf8" : String(name).toLowerCase()];
    if (known === undefined) throw new TypeError("Unknown encoding: " + name);
    return known;
  }

  function codes(text) {
    const bytes = [];
    for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i) & 255);
    return bytes;
  }

  const encoders = {
    utf8: text => codes(unescape(encodeURIComponent(text.toWellFormed()))),
    ascii: codes,
    latin1: codes,
    hex(text) { // as in Node: up to the first two characters that are no byte
      const bytes = [];
      for (let i = 0; i + 2 <= text.length; i += 2) {
        if (!/^[0-9a-f]{2}$/i.test(text.slice(i, i + 2))) break;
        bytes.push(parseInt(text.slice(i, i + 2), 16));
      }
      return bytes;
    },
    base64(text) {
      const plain = text.replace(/-/g, "+").replace(/_/g, "/").replace(/[^A-Za-z0-9+/]/g, "");
      return codes(atob(plain.length % 4 === 1 ? plain.slice(0, -1) : plain));
    },
    utf16le(text) {
      const bytes = [];
      for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i) & 255, text.charCodeAt(i) >> 8);
      return bytes;
    },
  };

  function joined(bytes, mask) {
    let text = "";
    for (let i = 0; i < bytes.length; i++) text += CHARACTERS(bytes[i] & mask);
    return text;
  }

  function fromUtf8(bytes) {
    let text = "", i = 0;
    while (i < bytes.length) {
      const first = bytes[i++];
      const more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : -1;
      let point = more > 0 ? first & (0x3f >> more) : first, left = more;
      while (left > 0 && (bytes[i] & 0xc0) === 0x80) { point = point << 6 | bytes[i++] & 0x3f; left--; }
      text += left || point > 0x10ffff ? "\ufffd" : String.fromCodePoint(point);
    }
    return text;
  }

  const decoders = {
    utf8: fromUtf8,
    ascii: bytes => joined(bytes, 127),
    latin1: bytes => joined(bytes, 255),
    hex(bytes) {
      let text = "";
      for (let i = 0; i < bytes.length; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
      return text;
    },
    base64: bytes => btoa(joined(bytes, 255)),
    utf16le(bytes) {
      let text = "";
      for (let i = 0; i + 2 <= bytes.length; i += 2) text += CHARACTERS(bytes[i] | bytes[i + 1] << 8);
      return text;
    },
  };

  class Buffer extends Uint8Array {
    constructor(value, second, length) {
      if (typeof value === "string") super(encoders[encodingOf(second)](value));
      else super(value, second, length);
    }

    static from(value, second, length) {
      if (value === null || (typeof value !== "string" && typeof value !== "object"))
        throw new TypeError("The first argument of Buffer.from must be a text, an array or a Buffer; it is " + (value === null ? "null" : typeof value));
      if (value.type === "Buffer" && Array.isArray(value.data)) return new Buffer(value.data);
      return new Buffer(value instanceof ArrayBuffer || typeof value === "string" ? value : Array.from(value), second, length);
    }

    static alloc(size, fill, encoding) {
      const buffer = new Buffer(Number(size));
      return fill === undefined ? buffer : buffer.fill(fill, encoding);
    }

    static allocUnsafe(size) { return new Buffer(Number(size)); }

    static concat(list, total) {
      const size = total === undefined ? list.reduce((sum, part) => sum + part.length, 0) : total;
      const buffer = new Buffer(size);
      let at = 0;
      for (const part of list) {
        buffer.set(part.subarray(0, Math.max(0, size - at)), at);
        at = Math.min(size, at + part.length);
      }
      return buffer;
    }

    static isBuffer(value) { return value instanceof Buffer; }

    static isEncoding(name) { return typeof name === "string" && name.toLowerCase() in ALIKE; }

    static byteLength(value, encoding) { return typeof value === "string" ? encoders[encodingOf(encoding)](value).length : value.byteLength; }

    static compare(one, other) { return one.compare(other); }

    slice(start, end) { return this.subarray(start, end); } // the same memory, unlike that of an array

    toString(encoding, start, end) { return decoders[encodingOf(encoding)](start === undefined ? this : this.subarray(start, end)); }

    toJSON() { return { type: "Buffer", data: Array.from(this) }; }

    equals(other) { return this.compare(other) === 0; }

    compare(other) {
      for (let i = 0; i < this.length && i < other.length; i++)
        if (this[i] !== other[i]) return this[i] < other[i] ? -1 : 1;
      return Math.sign(this.length - other.length);
    }

    copy(target, at = 0, start = 0, end = this.length) {
      const part = this.subarray(start, Math.min(end, start + target.length - at));
      target.set(part, at);
      return part.length;
    }

    write(text, at = 0, length = this.length - at, encoding = undefined) {
      const bytes = encoders[encodingOf(typeof length === "string" ? length : encoding)](text);
      const part = bytes.slice(0, Math.min(this.length - at, typeof length === "string" ? bytes.length : length));
      this.set(part, at);
      return part.length;
    }

    fill(value, start, end) {
      if (typeof value !== "string") return super.fill(value, start, end);
      const bytes = encoders[encodingOf(typeof start === "string" ? start : undefined)](value);
      for (let i = 0; bytes.length && i < this.length; i++) this[i] = bytes[i % bytes.length];
      return this;
    }

    readUIntBE(at, size) { return sum(this, at, size, 0, 1); }

    readUIntLE(at, size) { return sum(this, at, size, size - 1, -1); }

    readIntBE(at, size) { return signed(sum(this, at, size, 0, 1), size); }

    readIntLE(at, size) { return signed(sum(this, at, size, size - 1, -1), size); }

    writeUIntBE(value, at, size) { return spread(this, value, at, size, size - 1, -1); }

    writeUIntLE(value, at, size) { return spread(this, value, at, size, 0, 1); }

    writeIntBE(value, at, size) { return spread(this, value, at, size, size - 1, -1); }

    writeIntLE(value, at, size) { return spread(this, value, at, size, 0, 1); }
  }

  function check(buffer, at, size) {
    if (!(size >= 1 && size <= 6)) throw new RangeError("a number of " + size + " bytes; 1 to 6 can be read");
    if (!(at >= 0 && at + size <= buffer.length)) throw new RangeError("bytes " + at + " to " + (at + size) + " of a Buffer of " + buffer.length);
  }

  function sum(buffer, at, size, first, step) {
    check(buffer, at, size);
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + buffer[at + first + i * step];
    return value;
  }

  function signed(value, size) { return value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value; }

  function spread(buffer, value, at, size, first, step) {
    check(buffer, at, size);
    for (let i = 0, rest = value; i < size; i++, rest = Math.floor(rest / 256)) buffer[at + first + i * step] = rest;
    return at + size;
  }

  function method(name, value) { Object.defineProperty(Buffer.prototype, name, { value, configurable: true, writable: true }); }

  for (const form in FORMS) {
    const get = DataView.prototype["get" + FORMS[form]], set = DataView.prototype["set" + FORMS[form]];
    for (const order of form.endsWith("8") ? [""] : ["LE", "BE"]) {
      const little = order === "LE";
      const read = function (at = 0) { return get.call(new DataView(this.buffer, this.byteOffset, this.byteLength), at, little); };
      const write = function (value, at = 0) {
        const view = new DataView(this.buffer, this.byteOffset, this.byteLength);
        set.call(view, at, value, little);
        return at + parseInt(form.replace(/\D/g, "") || (form === "Float" ? 32 : 64)) / 8;
      };
      for (const name of new Set([form, form.replace("UInt", "Uint")])) { method("read" + name + order, read); method("write" + name + order, write); }
    }
  }
  for (const name of ["UIntBE", "UIntLE"]) {
    method("readUint" + name.slice(4), Buffer.prototype["read" + name]);
    method("writeUint" + name.slice(4), Buffer.prototype["write" + name]);
  }
  return Buffer;
})()
