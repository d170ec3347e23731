/**
 * What a reader gets of a value that was written as JSON: a Date is a string then, and what JSON has no form for is nothing.
 */
export type JsonOf<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends { toJSON(): infer J }
      ? JsonOf<J>
      : T extends bigint | symbol | ArrayBufferView | ((...given: never) => unknown)
        ? never
        : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | PromiseLike<unknown>
          ? never
          : { [K in keyof T]: JsonOf<T[K]> };

/** What a caller gets of a result: nothing is written as null. */
export type JsonResult<T> = unknown extends T ? T : T extends void ? null : JsonOf<T>;
