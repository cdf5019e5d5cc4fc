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
  var problem = refused(input, 6, 2);
  if (problem) return { data: {}, warnings: [], errors: [problem] };
  var b = input.bytes;
  var data = { occupied: b[0] === 1, battery: b[1] };
  return { data: data, warnings: percentWarnings(data), errors: [] };
}
