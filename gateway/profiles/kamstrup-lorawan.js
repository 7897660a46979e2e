// Kamstrup flowIQ 2200 and other water meters with a LoRaWAN module: M-Bus records behind a short, a long or no header. Its object
// has the keys of the codec that the maker has published for ThingPark, so that one may take the place of this file: put it into your
// folder of profiles under this name. Encrypted frames need the maker's.
// A record is DIF (how many bytes, which of least and greatest, of which storage), VIF (what, power of ten), maybe more of both, value.

var HEADERS = { 0x78: 1, 0x7a: 5, 0x72: 13 };
var SIZES = { 1: 1, 2: 2, 3: 3, 4: 4, 6: 6, 9: 1, 10: 2, 11: 3, 12: 4, 14: 6 }; // from 9 on decimal digits
var FUNCTIONS = ["", "Max ", "Min ", "Error state "];
var QUANTITIES = [[0x10, "Volume", "m3", -6], [0x38, "Volume flow", "m3/h", -6], [0x58, "Flow temperature", "C", -3], [0x64,
  "Ambient temperature", "C", -3]];
var INFO = ["Dry", "Reverse", "Leak", "Burst", "Tamper", "Low Battery", "Low Ambient Temperature", "High Ambient Temperature"];
var STEPS = [1000, 60000, 3600000, 86400000]; // of a profile's spacing: second, minute, hour, day

function decodeUplink(input) {
  var bytes = input.bytes, at = HEADERS[bytes[0]];
  if (!at || bytes.length < at) return { errors: ["the frame begins with none of the headers 78, 7a, 72"] };
  if (at > 1 && bytes[at - 1] & 31) return { errors: ["the frame is encrypted; take the maker's codec and the meter's key"] };
  var values = [], times = {}, bases = {}, data = { values: values };
  while (at < bytes.length && bytes[at] !== 0x0f) { // behind 0f the maker's own bytes follow
    if (bytes[at] === 0x2f) { at++; continue; } // padding
    var record = header(bytes, at), size = SIZES[record.dif & 15] || 0;
    at = record.at;
    if ((record.dif & 15) === 13) size = bytes[at++];
    else if (!size && record.dif & 15) return { errors: ["a record of the kind " + record.dif + " cannot be read"] };
    if (at + size > bytes.length) return { errors: ["the frame is cut"] };
    read(record, bytes.slice(at, at + size), values, times, bases);
    at += size;
  }
  values.forEach(function (one) { if (one.Type === "Volume" && data.latestVolume === undefined) data.latestVolume = one.Value; });
  return { data: { data: data, errors: [], warnings: [] } };
}

// what stands before a value
function header(bytes, at) {
  var dif = bytes[at++], storage = dif >> 6 & 1, more = dif & 128, kinds = [];
  for (var shift = 1; more && at < bytes.length; shift += 4) {
    storage |= (bytes[at] & 15) << shift;
    more = bytes[at++] & 128;
  }
  do kinds.push(bytes[at] & 127); while (bytes[at++] & 128 && at < bytes.length);
  return { dif: dif, storage: storage, kinds: kinds, at: at };
}

function read(record, bytes, values, times, bases) {
  var kind = record.kinds[0], second = record.kinds[1];
  if (kind === 0x6d || kind === 0x6c) return void (times[record.storage] = time(bytes));
  if (kind === 0x7f && second === 0x25) {
    for (var bit = 0; bit < INFO.length; bit++) add(INFO[bit], (bytes[bit >> 3] >> (bit & 7) & 1) === 1, "NA");
    return;
  }
  for (var i = 0; i < QUANTITIES.length; i++) {
    var row = QUANTITIES[i], exponent = kind - row[0];
    if (exponent < 0 || exponent > (row[0] > 0x50 ? 3 : 7)) continue;
    if (second === 0x13) return history(row, exponent + row[3]);
    var value = scaled(number(bytes, record.dif & 15), exponent + row[3]);
    var type = FUNCTIONS[record.dif >> 4 & 3] + (second === 0x3c ? "Reverse " : "") + row[1];
    if (type === row[1]) bases[row[1] + record.storage] = value;
    return add(type, value, row[2]);
  }

  function add(type, value, unit, moment) {
    values.push({ Type: type, Value: value, Unit: unit, Timestamp: moment || times[record.storage] || null });
  }

  // a profile that goes back from the register: how the steps are written, how far they are apart, the steps
  function history(row, power) {
    var total = bases[row[1] + record.storage], moment = Date.parse(times[record.storage]), size = SIZES[bytes[0] & 15];
    if (total === undefined || !moment || bytes[0] >> 6 !== 1 || !size) return;
    for (var at = 2; at + size <= bytes.length; at += size) {
      var step = bytes.slice(at, at + size), added = step.reduceRight(function (sum, byte) { return sum * 256 + byte; }, 0);
      if (added === Math.pow(256, size) - 1) return; // there is no value: nothing before it can be known
      moment -= bytes[1] * STEPS[bytes[0] >> 4 & 3];
      total = scaled(Math.round(total / Math.pow(10, power)) - added, power);
      add(row[1], total, row[2], new Date(moment).toISOString());
    }
  }
}

function scaled(value, power) {
  return value === null ? null : power < 0 ? value / Math.pow(10, -power) : value * Math.pow(10, power);
}

// lowest byte first; null: the meter has no value
function number(bytes, coding) {
  var value = 0, top = bytes.length - 1;
  for (var i = top; i >= 0; i--) value = coding > 8 ? value * 100 + (bytes[i] >> 4) * 10 + (bytes[i] & 15) : value * 256 + bytes[i];
  if (coding > 8 || !(bytes[top] & 128)) return value;
  value -= Math.pow(256, bytes.length);
  return value === -Math.pow(256, bytes.length) / 2 ? null : value;
}

// date and time (four bytes) or date (two bytes) of M-Bus; null: not a time
function time(bytes) {
  var size = bytes.length, low = bytes[size - 2], high = bytes[size - 1], day = low & 31, month = high & 15;
  if (size !== 2 && (size !== 4 || bytes[0] & 128) || !day || !month || month > 12) return null;
  var year = 2000 + (low >> 5 | (high & 240) >> 1), clock = size === 4 ? [bytes[1] & 31, bytes[0] & 63] : [0, 0];
  return new Date(Date.UTC(year, month - 1, day, clock[0], clock[1])).toISOString();
}
