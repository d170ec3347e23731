const METHOD = /^[A-Za-z0-9_.]+\/[A-Za-z0-9_]+$/;
export const MAX_METHOD_LENGTH = 255;
/** Services of the server itself, and what it may have one day. */
const OWN = /^(contact\.|grpc\.|Contact\/)/;

/** Whether a client may serve a method of this name. */
export const isCallable = (method: string): boolean => refuseName(method) === undefined;

/** Why no client may serve a method of this name; undefined: one may. */
export function refuseName(method: string): string | undefined {
  if (method.length > MAX_METHOD_LENGTH || !METHOD.test(method)) return 'expected pkg.Service/Method';
  return OWN.test(method) ? 'this name is the server’s own' : undefined;
}
