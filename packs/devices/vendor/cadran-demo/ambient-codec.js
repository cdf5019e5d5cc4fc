// Written for the demonstration; payload in packs/devices/README.md.
function refused(input, port, size) {
  if (input.fPort !== port) return "port " + input.fPort + ", " + port + " expected";
  if (input.bytes.length !== size) return input.bytes.length + " bytes, " + size + " expected";
  return "";
}

function int16(bytes, at) {
  return ((bytes[at] << 24) >> 16) | bytes[at + 1];
}

function percentWarnings(data) {
  var warnings = [];
  if (data.battery > 100) warnings.push("battery over 100 %");
  if (data.humidity > 100) warnings.push("humidity over 100 %");
  return warnings;
}

function decodeUplink(input) {
  var problem = refused(input, 2, 4);
  if (problem) return { data: {}, warnings: [], errors: [problem] };
  var b = input.bytes;
  var data = { temperature: int16(b, 0) / 100, humidity: b[2] / 2, battery: b[3] };
  return { data: data, warnings: percentWarnings(data), errors: [] };
}
