/**
 * MessagePack as far as Podium's messages need it: nil, booleans, integers up to 2**53, floats, strings, binary,
 * arrays and maps with string keys. Extension types are refused, as the server refuses them.
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 */

const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { fatal: true });

/**
 * @param {unknown} value
 * @returns {Uint8Array<ArrayBuffer>}
 * @throws {TypeError} for what the format cannot hold
 */
export function encode(value) {
  const writer = new Writer();
  writer.value(value);
  return writer.bytes();
}

/**
 * @param {ArrayBuffer | Uint8Array} data exactly one value
 * @returns {any}
 * @throws {RangeError | TypeError} when it is cut short, has a tail or is not MessagePack
 */
export function decode(data) {
  const reader = new Reader(data instanceof Uint8Array ? data : new Uint8Array(data));
  const value = reader.value(0);
  if (reader.at !== reader.data.length) throw new RangeError('bytes after the value');
  return value;
}

class Writer {
  constructor() {
    this.buffer = new Uint8Array(512);
    this.view = new DataView(this.buffer.buffer);
    this.at = 0;
  }

  bytes() {
    return this.buffer.slice(0, this.at);
  }

  /** @param {number} size makes room and returns where to write */
  take(size) {
    const start = this.at;
    this.at += size;
    if (this.at > this.buffer.length) {
      const larger = new Uint8Array(Math.max(this.at, this.buffer.length * 2));
      larger.set(this.buffer);
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    return start;
  }

  /** @param {number} byte */
  byte(byte) {
    // The place first: taking it may give another buffer.
    const at = this.take(1);
    this.buffer[at] = byte;
  }

  /**
   * A length in the shortest of its forms.
   * @param {number} length
   * @param {number} fix first byte of the short form
   * @param {number} limit number of lengths the short form holds
   * @param {[number, number, number]} forms first bytes for 8, 16 and 32 bits; 0 where a form does not exist
   */
  head(length, fix, limit, [one, two, four]) {
    if (length < limit) {
      this.byte(fix | length);
    } else if (one && length < 0x100) {
      this.byte(one);
      this.byte(length);
    } else if (length < 0x10000) {
      this.byte(two);
      const at = this.take(2);
      this.view.setUint16(at, length);
    } else {
      this.byte(four);
      const at = this.take(4);
      this.view.setUint32(at, length);
    }
  }

  /** @param {unknown} value */
  value(value) {
    if (value === null || value === undefined) this.byte(0xc0);
    else if (value === false) this.byte(0xc2);
    else if (value === true) this.byte(0xc3);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'string') {
      const bytes = utf8.encode(value);
      this.head(bytes.length, 0xa0, 32, [0xd9, 0xda, 0xdb]);
      const at = this.take(bytes.length);
      this.buffer.set(bytes, at);
    } else if (Array.isArray(value)) {
      this.head(value.length, 0x90, 16, [0, 0xdc, 0xdd]);
      for (const item of value) this.value(item);
    } else if (typeof value === 'object') {
      const fields = Object.entries(value).filter(([, item]) => item !== undefined);
      this.head(fields.length, 0x80, 16, [0, 0xde, 0xdf]);
      for (const [key, item] of fields) {
        this.value(key);
        this.value(item);
      }
    } else {
      throw new TypeError(`cannot encode a ${typeof value}`);
    }
  }

  /** @param {number} number */
  number(number) {
    if (!Number.isSafeInteger(number)) {
      this.byte(0xcb);
      const at = this.take(8);
      this.view.setFloat64(at, number);
    } else if (number >= 0) {
      if (number < 0x80) this.byte(number);
      else if (number < 0x1_0000_0000) this.head(number, 0, 0, [0xcc, 0xcd, 0xce]);
      else this.wide(0xcf, number);
    } else if (number >= -32) {
      this.byte(number & 0xff);
    } else {
      this.wide(0xd3, number);
    }
  }

  /** @param {number} first @param {number} number */
  wide(first, number) {
    this.byte(first);
    const at = this.take(8);
    this.view.setBigInt64(at, BigInt(number));
  }
}

// The deepest message nests four levels; the bound keeps hostile input off the stack.
const MAX_DEPTH = 16;

class Reader {
  /** @param {Uint8Array} data */
  constructor(data) {
    this.data = data;
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.at = 0;
  }

  /** @param {number} size */
  skip(size) {
    const start = this.at;
    if (start + size > this.data.length) throw new RangeError('cut short');
    this.at += size;
    return start;
  }

  /** @param {1 | 2 | 4} size */
  unsigned(size) {
    const at = this.skip(size);
    return size === 1 ? this.view.getUint8(at) : size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  /** @param {bigint} wide */
  safe(wide) {
    const number = Number(wide);
    if (!Number.isSafeInteger(number)) throw new RangeError('an integer beyond 2**53');
    return number;
  }

  /** @param {number} length */
  string(length) {
    const at = this.skip(length);
    return text.decode(this.data.subarray(at, at + length));
  }

  /** @param {number} length */
  binary(length) {
    const at = this.skip(length);
    return this.data.slice(at, at + length);
  }

  /** @param {number} length @param {number} depth */
  array(length, depth) {
    const items = [];
    for (let index = 0; index < length; index += 1) items.push(this.value(depth + 1));
    return items;
  }

  /** @param {number} length @param {number} depth */
  map(length, depth) {
    /** @type {Record<string, any>} */
    const table = {};
    for (let index = 0; index < length; index += 1) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string' || key === '__proto__') throw new TypeError('a key is not a plain string');
      table[key] = this.value(depth + 1);
    }
    return table;
  }

  /** @param {number} depth @returns {any} */
  value(depth) {
    if (depth > MAX_DEPTH) throw new RangeError('nested too deeply');
    const first = this.unsigned(1);
    if (first < 0x80) return first;
    if (first < 0x90) return this.map(first & 0x0f, depth);
    if (first < 0xa0) return this.array(first & 0x0f, depth);
    if (first < 0xc0) return this.string(first & 0x1f);
    if (first >= 0xe0) return first - 0x100;
    switch (first) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.binary(this.unsigned(1));
      case 0xc5: return this.binary(this.unsigned(2));
      case 0xc6: return this.binary(this.unsigned(4));
      case 0xca: return this.view.getFloat32(this.skip(4));
      case 0xcb: return this.view.getFloat64(this.skip(8));
      case 0xcc: return this.unsigned(1);
      case 0xcd: return this.unsigned(2);
      case 0xce: return this.unsigned(4);
      case 0xcf: return this.safe(this.view.getBigUint64(this.skip(8)));
      case 0xd0: return this.view.getInt8(this.skip(1));
      case 0xd1: return this.view.getInt16(this.skip(2));
      case 0xd2: return this.view.getInt32(this.skip(4));
      case 0xd3: return this.safe(this.view.getBigInt64(this.skip(8)));
      case 0xd9: return this.string(this.unsigned(1));
      case 0xda: return this.string(this.unsigned(2));
      case 0xdb: return this.string(this.unsigned(4));
      case 0xdc: return this.array(this.unsigned(2), depth);
      case 0xdd: return this.array(this.unsigned(4), depth);
      case 0xde: return this.map(this.unsigned(2), depth);
      case 0xdf: return this.map(this.unsigned(4), depth);
      default: throw new TypeError(`the first byte 0x${first.toString(16)} is not used here`);
    }
  }
}
