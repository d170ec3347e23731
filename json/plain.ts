/** What becomes a JSON object: fields that are undefined are left out of it. */
export type Json = Readonly<Record<string, unknown>>;

/** What there is of a text; an empty one is none. */
export function someText(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** A number of which 0 means none. */
export function someNumber(count: number | undefined): number | undefined {
  return count === 0 ? undefined : count;
}

export function base64Of(bytes: Uint8Array | undefined): string | undefined {
  return bytes && bytes.length > 0 ? Buffer.from(bytes).toString('base64') : undefined;
}
