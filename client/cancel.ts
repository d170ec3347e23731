/**
 * Cancels a call, a moment later. Of a call that is cancelled in the turn in which it began, or in which its channel came to
 * know where to send it, grpc-js tells its program the end and sends it all the same, never to be reset: the server keeps it.
 */
export function cancelCall(call: { cancel(): void }): void {
  setImmediate(() => call.cancel());
}
