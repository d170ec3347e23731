import type { MethodKind } from './methods.ts';

/** Who would serve a method that others serve as another kind of RPC, and may once those have gone. */
export interface Contenders<S> {
  add(method: string, contender: S, kind: MethodKind): void;
  remove(method: string, contender: S): void;
  /** In the order in which they came. */
  of(method: string): readonly (readonly [contender: S, kind: MethodKind])[];
}

export function createContenders<S>(): Contenders<S> {
  // Bounded by what may be announced.
  const kindsByMethod = new Map<string, Map<S, MethodKind>>();
  return {
    add(method, contender, kind) {
      const kinds = kindsByMethod.get(method) ?? new Map<S, MethodKind>();
      kindsByMethod.set(method, kinds.set(contender, kind));
    },
    remove(method, contender) {
      const kinds = kindsByMethod.get(method);
      if (kinds?.delete(contender) && kinds.size === 0) kindsByMethod.delete(method);
    },
    of: (method) => [...(kindsByMethod.get(method) ?? [])],
  };
}
