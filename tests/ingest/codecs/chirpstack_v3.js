// Decode(fPort, bytes, variables), with variables that nobody declared.
function Decode(fPort, bytes, variables) {
  result = {};
  for (i = 0; i < bytes.length; i++) result["b" + i] = bytes[i];
  result.port = fPort;
  result.weight = variables.pulse_l;
  return result;
}
