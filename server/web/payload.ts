import { invalid } from '../../shared/errors.ts';

const JSON_TYPE = /^(?:application\/json|[^;]*\+json)\s*(?:;|$)/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** The bytes of a payload, and their type. */
export interface Payload {
  readonly payload: Uint8Array;
  readonly contentType: string;
}

/**
 * A payload as a request says it: a value of JSON, which is one of `application/json`; with another `contentType` a text, whose
 * bytes are UTF-8; `{"base64": "…"}` with any type but JSON's. INVALID_ARGUMENT naming `payload`.
 */
export function readPayload(value: unknown, contentType: string | undefined): Payload {
  const isJson = contentType !== undefined && JSON_TYPE.test(contentType.trim());
  const base64 = isJson ? undefined : base64Of(value);
  if (base64 !== undefined) {
    if (!BASE64.test(base64)) throw invalid('payload.base64', 'expected base64');
    return { payload: Buffer.from(base64, 'base64'), contentType: contentType ?? '' };
  }
  if (isJson || contentType === undefined || contentType === '') {
    if (value === undefined) return { payload: Buffer.alloc(0), contentType: contentType ?? '' };
    return { payload: Buffer.from(JSON.stringify(value)), contentType: contentType || 'application/json' };
  }
  if (value !== undefined && typeof value !== 'string') {
    throw invalid('payload', `of ${contentType.slice(0, 128)} expected a text, or {"base64": "…"}`);
  }
  return { payload: Buffer.from(value ?? ''), contentType };
}

function base64Of(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const [first, ...others] = Object.entries(value);
  return first?.[0] === 'base64' && others.length === 0 && typeof first[1] === 'string' ? first[1] : undefined;
}
