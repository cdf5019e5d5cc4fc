// What a codec finds around it, and how it is called. Evaluated before the codec's own source, in the same context.
// Returns `prepare(decode)`, which returns `call(latin1, fPort, receivedMs, variablesJson) -> JSON text`.
// The natives used after the codec has run are captured first: a codec may redefine them for itself only.
(function () {
  "use strict";
  const parse = JSON.parse, stringify = JSON.stringify, text = String, isArray = Array.isArray;
  const keysOf = Object.keys, Moment = Date, List = Array, Later = Promise;

  // --- Buffer: the part of Node's that published codecs use -------------------------------------------------------
  const HEX = "0123456789abcdef";
  const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  function fromHex(s) {
    const out = [];
    for (let i = 0; i + 1 < s.length; i += 2) {
      const high = HEX.indexOf(s[i].toLowerCase()), low = HEX.indexOf(s[i + 1].toLowerCase());
      if (high < 0 || low < 0) break;
      out.push(high * 16 + low);
    }
    return out;
  }
  function fromBase64(s) {
    const out = [];
    let bits = 0, held = 0;
    for (const c of s.replace(/-/g, "+").replace(/_/g, "/")) {
      const value = BASE64.indexOf(c);
      if (value < 0) continue;
      bits = (bits << 6) | value;
      held += 6;
      if (held >= 8) { held -= 8; out.push((bits >> held) & 255); bits &= (1 << held) - 1; }
    }
    return out;
  }
  function fromUtf8(s) {
    const out = [], escaped = encodeURIComponent(s);
    for (let i = 0; i < escaped.length; i++) {
      if (escaped[i] === "%") { out.push(parseInt(escaped.substr(i + 1, 2), 16)); i += 2; }
      else out.push(escaped.charCodeAt(i));
    }
    return out;
  }
  function toUtf8(bytes) {
    let s = "";
    for (let i = 0; i < bytes.length;) {
      const first = bytes[i++];
      const more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : -1;
      let point = more < 0 ? 0xfffd : more ? first & (0x3f >> more) : first;
      for (let k = 0; k < more; k++) {
        if ((bytes[i] & 0xc0) !== 0x80) { point = 0xfffd; break; }
        point = (point << 6) | (bytes[i++] & 0x3f);
      }
      s += point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? "\ufffd" : String.fromCodePoint(point);
    }
    return s;
  }
  function toBase64(bytes) {
    let s = "";
    for (let i = 0; i < bytes.length; i += 3) {
      const left = bytes.length - i, word = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0);
      s += BASE64[word >> 18] + BASE64[(word >> 12) & 63];
      s += (left > 1 ? BASE64[(word >> 6) & 63] : "=") + (left > 2 ? BASE64[word & 63] : "=");
    }
    return s;
  }
  function encode(s, encoding) {
    switch ((encoding || "utf8").toLowerCase()) {
      case "hex": return fromHex(s);
      case "base64": case "base64url": return fromBase64(s);
      case "ascii": case "latin1": case "binary": return List.from(s, (c) => c.charCodeAt(0) & 255);
      default: return fromUtf8(s);
    }
  }

  class Buffer extends Uint8Array {
    static from(value, encodingOrOffset, length) {
      if (typeof value === "string") value = encode(value, encodingOrOffset);
      if (value instanceof ArrayBuffer) return new Buffer(value, encodingOrOffset || 0, length);
      const bytes = isArray(value) || ArrayBuffer.isView(value) ? value : (value && value.data) || [];
      const buffer = new Buffer(bytes.length);
      for (let i = 0; i < bytes.length; i++) buffer[i] = bytes[i];
      return buffer;
    }
    static alloc(size, fill) { const b = new Buffer(size); return fill === undefined ? b : b.fill(fill); }
    static allocUnsafe(size) { return new Buffer(size); }
    static isBuffer(value) { return value instanceof Buffer; }
    static byteLength(s, encoding) { return typeof s === "string" ? encode(s, encoding).length : s.byteLength; }
    static concat(list) {
      const all = [];
      for (const part of list) for (const byte of part) all.push(byte);
      return Buffer.from(all);
    }
    slice(start, end) { return this.subarray(start, end); } // Node's slice shares memory; a typed array's copies
    equals(other) { return this.length === other.length && this.every((byte, i) => byte === other[i]); }
    toJSON() { return { type: "Buffer", data: List.from(this) }; }
    toString(encoding, start, end) {
      const bytes = this.subarray(start || 0, end === undefined ? this.length : end);
      switch ((encoding || "utf8").toLowerCase()) {
        case "hex": { let s = ""; for (const b of bytes) s += HEX[b >> 4] + HEX[b & 15]; return s; }
        case "base64": return toBase64(bytes);
        case "base64url": return toBase64(bytes).replace(/=+$/, "").replace(/\+/g, "-").replace(/\//g, "_");
        case "ascii": { let s = ""; for (const b of bytes) s += String.fromCharCode(b & 127); return s; }
        case "latin1": case "binary": { let s = ""; for (const b of bytes) s += String.fromCharCode(b); return s; }
        default: return toUtf8(bytes);
      }
    }
  }

  const NUMBERS = [
    ["UInt8", "Uint8", 1], ["Int8", "Int8", 1], ["UInt16", "Uint16", 2], ["Int16", "Int16", 2], ["UInt32", "Uint32", 4],
    ["Int32", "Int32", 4], ["Float", "Float32", 4], ["Double", "Float64", 8], ["BigUInt64", "BigUint64", 8],
    ["BigInt64", "BigInt64", 8],
  ];
  const define = (name, method) => {
    Object.defineProperty(Buffer.prototype, name, { value: method, writable: true, configurable: true });
    const alias = name.replace("UInt", "Uint");
    if (alias !== name) Object.defineProperty(Buffer.prototype, alias, { value: method, writable: true, configurable: true });
  };
  const view = (b) => new DataView(b.buffer, b.byteOffset, b.byteLength);
  for (const [name, native, size] of NUMBERS) {
    for (const order of size === 1 ? [""] : ["LE", "BE"]) {
      const little = order === "LE";
      define("read" + name + order, function (offset) { return view(this)["get" + native](offset || 0, little); });
      define("write" + name + order, function (value, offset) {
        view(this)["set" + native](offset || 0, value, little);
        return (offset || 0) + size;
      });
    }
  }
  for (const order of ["LE", "BE"]) {
    const read = function (buffer, offset, size) {
      if (!(size >= 1 && size <= 6) || offset < 0 || offset + size > buffer.length) throw new RangeError("Index out of range");
      let value = 0;
      for (let i = 0; i < size; i++) value = value * 256 + buffer[offset + (order === "BE" ? i : size - 1 - i)];
      return value;
    };
    define("readUInt" + order, function (offset, size) { return read(this, offset, size); });
    define("readInt" + order, function (offset, size) {
      const value = read(this, offset, size);
      return value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
    });
  }

  const silent = function () {};
  const console = {};
  for (const name of ["log", "info", "warn", "error", "debug", "trace", "assert", "dir", "table", "group", "groupEnd", "time", "timeEnd"]) {
    console[name] = silent;
  }
  for (const [name, value] of [["Buffer", Buffer], ["console", console]]) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
  delete globalThis.Atomics; // nothing here may wait
  delete globalThis.SharedArrayBuffer;

  // --- the call -----------------------------------------------------------------------------------------------------
  const nothing = (value) => value === undefined || typeof value === "function" || typeof value === "symbol";
  const orNull = (key, value) => (nothing(value) ? null : value);

  function sentences(value) {
    if (value === undefined || value === null || value === "") return undefined;
    const list = isArray(value) ? value : [value], out = [];
    for (let i = 0; i < list.length && i < 20; i++) out[i] = text(list[i]);
    return out.length ? out : undefined;
  }

  return function prepare(decode) {
    return function call(latin1, fPort, receivedMs, variables) {
      const size = latin1.length, bytes = new List(size);
      for (let i = 0; i < size; i++) bytes[i] = latin1.charCodeAt(i);
      const input = { bytes, fPort, recvTime: new Moment(receivedMs) };
      if (variables) input.variables = parse(variables);
      const output = decode(input);
      if (output === null || typeof output !== "object" || isArray(output)) return "";
      if (output instanceof Later) return "";
      const data = output.data, errors = sentences(output.errors), warnings = sentences(output.warnings);
      let deep = false; // most answers are flat: only the others pay for the walk
      if (data !== null && typeof data === "object" && !isArray(data)) {
        const keys = keysOf(data);
        for (let i = 0; i < keys.length; i++) {
          const value = data[keys[i]];
          if (typeof value === "object" ? value !== null : nothing(value)) { deep = true; break; }
        }
      }
      const answer = { data, warnings, errors };
      if (!deep) return stringify(answer);
      return stringify({ data: data, warnings: warnings || [], errors: errors || [] }, orNull);
    };
  };
})()
