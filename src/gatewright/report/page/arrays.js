// Arrays of numbers that Python has packed; see arrays.py.

/** Return the bytes of a base64 text. */
function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let k = 0; k < binary.length; k++) bytes[k] = binary.charCodeAt(k);
  return bytes;
}

/** Return the numbers of a packed array as a Float32Array, in row-major order. */
function unpack(packed) {
  const bytes = bytesOf(packed.data);
  if (packed.type === "float32") return new Float32Array(bytes.buffer);
  if (packed.type === "float16") return fromHalf(new Uint16Array(bytes.buffer));
  const levels = new Uint16Array(bytes.buffer);
  const scale = (packed.high - packed.low) / 65535;
  return Float32Array.from(levels, (level) => packed.low + level * scale);
}

/** Return numbers of 16 bits (IEEE 754 binary16) as a Float32Array. */
function fromHalf(halves) {
  const values = new Float32Array(halves.length);
  for (let k = 0; k < halves.length; k++) {
    const sign = halves[k] >> 15 ? -1 : 1;
    const exponent = (halves[k] >> 10) & 31;
    const fraction = halves[k] & 1023;
    values[k] = sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  }
  return values;
}
