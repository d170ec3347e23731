import type { Readable } from 'node:stream';
import type { Metadata } from '@grpc/grpc-js';
import type { toStatus } from '../../shared/errors.ts';
import type { WritableCall } from '../../shared/streams.ts';

/** The answering half of a server's streaming call. */
export interface AnsweringCall<T> extends WritableCall<T> {
  readonly metadata: Metadata;
  readonly writableEnded: boolean;
  getPeer(): string;
  emit(event: 'error', status: ReturnType<typeof toStatus>): boolean;
}

/** Nothing more can be written. */
export function isOver<T>(call: AnsweringCall<T>): boolean {
  return call.destroyed || call.writableEnded || call.cancelled === true;
}

/**
 * Calls `listener` for every piece of what the client sends. grpc-js tells of whole messages only; the stream that it
 * reads them from is its own affair, so without it nobody is told, and a test fails.
 */
export function onPiece(call: object, listener: () => void): void {
  const { call: inner } = call as { readonly call?: { readonly stream?: Readable } };
  inner?.stream?.on('data', listener);
}
