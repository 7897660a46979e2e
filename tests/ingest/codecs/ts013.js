"use strict";
// Port 1: counter in litres, big-endian, and a status byte. Port 2: a text.
const NAMES = ["ok", "leak", "empty"];
let calls = 0;

class Reader {
  #at = 0;
  constructor(bytes) { this.bytes = bytes; }
  u8() { return this.bytes[this.#at++] ?? null; }
  u32() { return (((this.u8() << 24) | (this.u8() << 16) | (this.u8() << 8) | this.u8()) >>> 0); }
}

const readers = {
  1: (reader) => ({ total_l: reader.u32(), status: NAMES[reader.u8()] ?? "unknown" }),
  2: (reader) => ({ text: String.fromCharCode(...reader.bytes) }),
};

function decodeUplink({ bytes, fPort, recvTime, variables }) {
  calls += 1;
  const read = readers[fPort];
  if (!read) return { errors: [`port ${fPort} is not known`] };
  const warnings = bytes.length < 5 ? ["short"] : [];
  return { data: { ...read(new Reader(bytes)), at: recvTime, litres: variables.pulse_l, calls }, warnings };
}
