/**
 * A schema by the Standard Schema specification (standardschema.dev), which zod, valibot, arktype and others implement: an
 * object or a function with this one property. The interface is copied, as its specification allows, so that the SDK needs
 * none of them.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    /** The library that made it. */
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** For the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value: what became of it, or what is wrong. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** One thing that is wrong, and where in the value. */
export interface StandardIssue {
  /** For people. */
  readonly message: string;
  /** The keys that lead to it, from the value inwards; absent: the value itself. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema takes. */
export type InputOf<S extends StandardSchema> = NonNullable<S['~standard']['types']>['input'];

/** What a schema makes of it. */
export type OutputOf<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output'];
