import { usageError } from '../exit.ts';

/** A method as it is asked for. */
export interface MethodName {
  /** `pkg.Service` */
  readonly service: string;
  readonly method: string;
}

const FORM = /^\/?([A-Za-z_][\w.]*)[./]([A-Za-z_]\w*)$/;

/** `pkg.Service/Method` or `pkg.Service.Method`, as gRPC's paths, its tools and its descriptors write it. */
export function parseMethodName(text: string): MethodName {
  const [, service, method] = FORM.exec(text) ?? [];
  if (service === undefined || method === undefined) {
    throw usageError(
      `expected METHOD as SERVICE/METHOD, such as helloworld.Greeter/SayHello, got ${JSON.stringify(text)}`,
    );
  }
  return { service, method };
}
