// Names of methods, as both ends know them.

const METHOD = /^[A-Za-z0-9_.]+\/[A-Za-z0-9_]+$/;
export const MAX_METHOD_LENGTH = 255;
/** Services of the server itself, and what it may have one day. */
const OWN = /^((contact|grpc)\.|Contact$)/;

/** `pkg.Service/Method` */
export const isMethodName = (text: string): boolean => text.length <= MAX_METHOD_LENGTH && METHOD.test(text);

/** Whether a service is the server's own: no client may serve one of its name. */
export const isOwnService = (service: string): boolean => OWN.test(service);

/** Whether a client may serve a method of this name. */
export const isCallable = (method: string): boolean => refuseName(method) === undefined;

/** Why no client may serve a method of this name; undefined: one may. */
export function refuseName(method: string): string | undefined {
  if (!isMethodName(method)) return `expected pkg.Service/Method of at most ${MAX_METHOD_LENGTH} characters`;
  return isOwnService(method.slice(0, method.indexOf('/'))) ? 'this name is the server’s own' : undefined;
}
