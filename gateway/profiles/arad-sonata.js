// Arad Sonata and others of Arad's LoRa family: water meters. Its object has the keys of the codec that the maker has published
// for ThingPark, so that one may take the place of this file: put it into your folder of profiles under this name.
// Numbers have the high byte first. Volumes are litres: a register, and behind it the power of ten plus 7.
//   0x06  log: ., ., device type, register, exponent, minutes since the last record, minutes between records, alarms, battery in mV,
//         exponent of the log, then what each interval added, the newest first
//   0x9d, 0x9b  standard, burst alarm: device type, alarms, further alarms, register, exponent

var ALARMS = ["tamper", "commFailureCutWire", "backFlow", "leak", "poorRF", "lowBattery", "fieldProg", "system", "lowTemperature", "tilt",
  "qmax", "burstPipe", "emptyPipe", "slaveLowBattery", "slaveInvalidRead", "smart"];
var FAULTS = { 0x8000: "RECORD_EMPTY", 0x8001: "DELTA_OVER_FLOW", 0x8002: "METER_READ_ERROR", 0x8003: "METER_DIGIT_ERROR" };
var MINUTE = 60000;

function decodeUplink(input) {
  var bytes = input.bytes;
  if (input.fPort !== 1) return { data: {}, warnings: ["port " + input.fPort + " carries no readings; the frame was left out"] };
  if (bytes[0] === 0x9d || bytes[0] === 0x9b) return bytes.length === 11 ? { data: standard(bytes) } : cut();
  if (bytes[0] === 0x06) return bytes.length >= 20 && bytes.length % 2 === 0 ? { data: log(bytes, new Date(input.recvTime).getTime()) } : cut();
  return { errors: ["frame " + bytes[0] + " is not known; the maker's codec may know it"] };
}

function cut() {
  return { errors: ["the frame is cut"] };
}

function standard(bytes) {
  return { msgType: bytes[0], deviceTypeID: bytes[1], alarms: alarms(uint(bytes, 2, 2)), readVolume: volume(bytes, 6, 4, bytes[10]) };
}

function log(bytes, received) {
  var read = received - uint(bytes, 9, 2) * MINUTE, step = uint(bytes, 11, 2) * MINUTE;
  var total = volume(bytes, 4, 4, bytes[8]), records = [], then = total;
  for (var i = 0; received && 18 + 2 * i < bytes.length; i++) {
    var fault = FAULTS[uint(bytes, 18 + 2 * i, 2)] || "";
    then -= fault ? 0 : volume(bytes, 18 + 2 * i, 2, bytes[17]);
    records.push({ time: new Date(read - (i + 1) * step).toISOString(), volume: Math.round(then * 1000) / 1000, error: fault });
  }
  return {
    msgType: bytes[0], deviceTypeID: bytes[3], batteryLevel: uint(bytes, 15, 2) / 1000, alarms: alarms(uint(bytes, 13, 2)),
    readTime: received ? new Date(read).toISOString() : null, readVolume: total, archievedCumulatedVolumes: records
  };
}

function volume(bytes, at, size, exponent) {
  var power = (exponent & 15) - 7, value = uint(bytes, at, size);
  return power < 0 ? value / Math.pow(10, -power) : value * Math.pow(10, power);
}

function alarms(bits) {
  return ALARMS.filter(function (name, bit) { return bits >> bit & 1; });
}

function uint(bytes, at, size) {
  var value = 0;
  for (var i = at; i < at + size; i++) value = value * 256 + bytes[i];
  return value;
}
