import type { Readable } from 'node:stream';
import { CommandFailure, usageError } from '../exit.ts';
import { createJsonSplitter, type JsonText } from './jsonvalues.ts';

/** The longest request, as JSON; what a server takes is less. */
const MAX_REQUEST_CHARACTERS = 67_108_864;

/** The JSON values of an argument or of standard input, each as soon as it is whole. */
export async function* readRequests(source: string | Readable): AsyncGenerator<JsonText> {
  const splitter = createJsonSplitter(MAX_REQUEST_CHARACTERS);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Buffer): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch {
      throw usageError('stdin is no UTF-8');
    }
  };
  try {
    if (typeof source === 'string') yield* splitter.add(source);
    else {
      for await (const chunk of source) yield* splitter.add(decode(chunk as Buffer));
      yield* splitter.add(decode());
    }
  } catch (error) {
    throw error instanceof RangeError ? new CommandFailure(`stdin: ${error.message}`) : error;
  }
  const last = splitter.end();
  if (last) yield last;
}

/** The one request of a method that takes one; undefined: nothing was given. */
export async function readOneRequest(source: string | Readable): Promise<JsonText | undefined> {
  let request: JsonText | undefined;
  for await (const value of readRequests(source)) {
    if (request) throw usageError(`more than one request, from line ${value.line} on: this method takes one`);
    request = value;
  }
  return request;
}
