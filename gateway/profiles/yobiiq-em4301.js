// Yobiiq EM4301 and EM4301-CT: three-phase meter. A frame is a list of channel, type and value; numbers have the high byte first.

// type → name, length in bytes, and what it is divided by where that is not 1; a negative length is a signed number
var VALUES = {
  0x00: ["index", 4],
  0x01: ["timestamp", 4],
  0x03: ["dataloggerTimestamp", 4],
  0x04: ["activeEnergyImportL123T1", 4], // Wh
  0x05: ["activeEnergyImportL123T2", 4],
  0x06: ["activeEnergyExportL123T1", 4],
  0x07: ["activeEnergyExportL123T2", 4],
  0x08: ["reactiveEnergyImportL123T1", 4], // varh
  0x09: ["reactiveEnergyImportL123T2", 4],
  0x0a: ["reactiveEnergyExportL123T1", 4],
  0x0b: ["reactiveEnergyExportL123T2", 4],
  0x0c: ["voltageL1N", -4, 10], // V
  0x0d: ["voltageL2N", -4, 10],
  0x0e: ["voltageL3N", -4, 10],
  0x0f: ["currentL123", -4], // mA
  0x10: ["currentL1", -4],
  0x11: ["currentL2", -4],
  0x12: ["currentL3", -4],
  0x13: ["activePowerL123", -4], // W
  0x14: ["activePowerL1", -4],
  0x15: ["activePowerL2", -4],
  0x16: ["activePowerL3", -4],
  0x17: ["reactivePowerL1", -4, 1000], // kvar
  0x18: ["reactivePowerL2", -4, 1000],
  0x19: ["reactivePowerL3", -4, 1000],
  0x1a: ["apparentPowerL1", -4, 1000], // kVA
  0x1b: ["apparentPowerL2", -4, 1000],
  0x1c: ["apparentPowerL3", -4, 1000],
  0x1d: ["powerFactorL1", -1, 100],
  0x1e: ["powerFactorL2", -1, 100],
  0x1f: ["powerFactorL3", -1, 100],
  0x20: ["phaseAngleL1", -2, 100], // °
  0x21: ["phaseAngleL2", -2, 100],
  0x22: ["phaseAngleL3", -2, 100],
  0x23: ["frequency", -2, 100], // Hz
  0x24: ["totalSystemActivePower", 4], // W
  0x25: ["totalSystemReactivePower", 4, 1000], // kvar
  0x26: ["totalSystemApparentPower", 4, 1000], // kVA
  0x27: ["maximumL1CurrentDemand", -4], // mA
  0x28: ["maximumL2CurrentDemand", -4],
  0x29: ["maximumL3CurrentDemand", -4],
  0x2a: ["averagePower", -4], // W, of a phase
  0x2b: ["midYearOfCertification", 4],
  0xf0: [null, 2], // year of make
  0xf1: [null, 2], // firmware
  0xf2: [null, 2] // hardware
};

// the same for port 50, on which the meter says who it is
var IDENTITY = {
  0x09: [null, 2], // hardware
  0x0a: [null, 2], // firmware
  0x0b: ["powerOn", 1],
  0x0f: [null, 1], // class of the radio
  0x16: ["deviceSerialNumber", 4],
  0x1e: ["primaryCurrentTransformerRatio", 2],
  0x1f: ["secondaryCurrentTransformerRatio", 1],
  0x20: ["primaryVoltageTransformerRatio", 4],
  0x21: ["secondaryVoltageTransformerRatio", 2]
};
var MODEL = 0x28; // a name of any length, the last of a frame
var MODBUS_ERROR = 0x0b0a;

function decodeUplink(input) {
  var bytes = input.bytes, data = {}, at = 0;
  var table = input.fPort === 50 ? IDENTITY : input.fPort >= 1 && input.fPort <= 10 ? VALUES : null;
  if (!table) return { data: data, warnings: ["port " + input.fPort + " is not known; the frame was left out"] };
  if (bytes.length === 1) return { data: data }; // the answer to a command
  while (at + 1 < bytes.length) {
    var channel = bytes[at], type = bytes[at + 1];
    if (table === IDENTITY && type === MODEL) break;
    var known = channel * 256 + type === MODBUS_ERROR ? ["modbusErrorCode", 1] : table[type];
    if (!known) return { data: data, warnings: ["type " + type + " is not known; the rest of the frame was left out"] };
    var length = Math.abs(known[1]);
    if (at + 2 + length > bytes.length) return { errors: ["the frame is cut within type " + type] };
    if (known[0]) data[known[0]] = number(bytes, at + 2, known[1]) / (known[2] || 1);
    at += 2 + length;
  }
  return at + 1 === bytes.length ? { errors: ["the frame is cut"] } : { data: data };
}

function number(bytes, at, length) {
  var size = Math.abs(length), value = 0;
  for (var i = 0; i < size; i++) value = value * 256 + bytes[at + i];
  return length < 0 && bytes[at] > 127 ? value - Math.pow(256, size) : value;
}
