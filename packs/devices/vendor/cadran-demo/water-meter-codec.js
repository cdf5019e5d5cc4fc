// Written for the demonstration; payload in packs/devices/README.md.
function refused(input, port, size) {
  if (input.fPort !== port) return "port " + input.fPort + ", " + port + " expected";
  if (input.bytes.length !== size) return input.bytes.length + " bytes, " + size + " expected";
  return "";
}

function percentWarnings(data) {
  var warnings = [];
  if (data.battery > 100) warnings.push("battery over 100 %");
  if (data.humidity > 100) warnings.push("humidity over 100 %");
  return warnings;
}

function decodeUplink(input) {
  var problem = refused(input, 5, 5);
  if (problem) return { data: {}, warnings: [], errors: [problem] };
  var b = input.bytes;
  var data = { index: (b[0] * 16777216 + b[1] * 65536 + b[2] * 256 + b[3]) / 1000, battery: b[4] };
  return { data: data, warnings: percentWarnings(data), errors: [] };
}
