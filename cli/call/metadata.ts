import type { Metadata } from '@grpc/grpc-js';
import { InvalidArgumentError } from 'commander';
import { escapeLine } from '../escape.ts';

/** A pair of metadata as it was given. */
export type Header = readonly [key: string, value: string];

const KEY = /^[0-9a-z_.-]+$/;
const VALUE = /^[\x20-\x7e]*$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
/** What gRPC and HTTP write themselves. */
const OWN = /^(?:grpc-|:|content-type$|te$|connection$|host$)/;

/** Collects `key: value` of an option that may be repeated; the values of keys in `-bin` are base64. */
export function collectHeaders(text: string, earlier: readonly Header[] | undefined): Header[] {
  const at = text.indexOf(':');
  const key = text.slice(0, at).trim().toLowerCase();
  const value = text.slice(at + 1).trim();
  if (at < 1 || !KEY.test(key)) throw new InvalidArgumentError("Expected 'key: value', the key of 0-9 a-z _ - .");
  if (OWN.test(key)) throw new InvalidArgumentError(`${key} is written by gRPC itself.`);
  if (key.endsWith('-bin') ? !BASE64.test(value) : !VALUE.test(value)) {
    const form = key.endsWith('-bin') ? 'base64' : 'printable ASCII characters';
    throw new InvalidArgumentError(`Expected ${form} as the value of ${key}.`);
  }
  return [...(earlier ?? []), [key, value]];
}

/** Adds pairs to what every call carries; repeated keys and their order are kept. */
export function addHeaders(metadata: Metadata, headers: readonly Header[]): Metadata {
  for (const [key, value] of headers) metadata.add(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  return metadata;
}

/** Keys with their values, bytes as base64; what HTTP says of itself is left out. */
export function metadataToJson(metadata: Metadata | undefined): Record<string, string[]> {
  const all = metadata?.toJSON() ?? {};
  const pairs = Object.entries(all).filter(([key]) => key !== 'content-type' && key !== 'date');
  return Object.fromEntries(
    pairs.map(([key, values]) => [
      key,
      values.map((value) => (typeof value === 'string' ? value : value.toString('base64'))),
    ]),
  );
}

/** `key: value` lines for people. */
export function describeMetadata(metadata: Metadata | undefined): string[] {
  return Object.entries(metadataToJson(metadata)).flatMap(([key, values]) =>
    values.map((value) => `${escapeLine(key)}: ${escapeLine(value)}`),
  );
}
