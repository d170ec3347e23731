// What both ends of a Serve stream go by when a client announces what it serves: the server refuses what is beyond, and a
// client of the SDK says so at once.

/** Methods that one client announces. */
export const MAX_METHODS = 1_000;
/** Bytes of the descriptors that one client announces. */
export const MAX_SET_BYTES = 262_144;
/** Calls that a client takes at a time, unless it says otherwise. */
export const DEFAULT_CALLS = 100;
export const MAX_CALLS = 10_000;
