import { isUtf8 } from 'node:buffer';

const JSON_TYPE = /^(?:application\/json|[^;]*\+json)\s*(?:;|$)/i;
const LONG_NUMBER = /\d{16}|\d[eE]|\d\.\d{15}/;

function isJsonType(contentType: string): boolean {
  return JSON_TYPE.test(contentType.trim());
}

/**
 * Bytes as a value of a JSON line: the JSON value itself when the type is JSON, a string when they are UTF-8,
 * else `{"base64": …}`.
 */
export function readValue(bytes: Uint8Array, contentType: string): unknown {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) return { base64: buffer.toString('base64') };
  const text = buffer.toString('utf8');
  if (!isJsonType(contentType)) return text;
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** The value of a text of JSON, whose numbers keep their digits when it is written again. SyntaxError: it is none. */
export function parseJson(text: string): unknown {
  return LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

const raw: (text: string) => unknown = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** Numbers that a double cannot hold are printed with the digits they came with. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  return String(value) === context.source ? value : raw(context.source);
}
