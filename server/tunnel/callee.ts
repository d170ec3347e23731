import type { Tunnel } from '../../tunnel/tunnel.ts';
import type { ClientScope } from '../model/caller.ts';
import type { Selector } from '../model/selector.ts';

/** What a callee says that it serves. */
export interface Announcement {
  /** `pkg.Service/Method` */
  readonly methods: readonly string[];
  readonly maxCalls: number;
  readonly acceptEncodings: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The client drew its id for itself: nobody asks for it once it has left. */
  readonly isEphemeral: boolean;
  /** Bytes of a `google.protobuf.FileDescriptorSet`; empty: none. */
  readonly descriptors: Uint8Array;
}

export const NOTHING: Announcement = {
  methods: [],
  maxCalls: 0,
  acceptEncodings: [],
  labels: {},
  isEphemeral: false,
  descriptors: new Uint8Array(),
};

/** A method that was announced and is not called here, and why. */
export interface MethodRefusal {
  readonly method: string;
  readonly message: string;
}

/** What was not taken of an announcement; the rest was. */
export interface Refusals {
  readonly methods: readonly MethodRefusal[];
  /** Why its descriptors are not; empty: they are, or there are none. */
  readonly descriptors: string;
}

export const NO_REFUSALS: Refusals = { methods: [], descriptors: '' };

/** Whom a caller wants; none of both: whoever serves the method. */
export interface Wanted {
  readonly clientId: string | undefined;
  readonly selector: Selector | undefined;
  /** Of those, the clients that it may call. */
  readonly scope: ClientScope;
  /** Whose shares the call takes from (`holdersOf`); none: nobody asked who calls. */
  readonly holders: readonly string[];
}

/** Why a Serve is ended by somebody else than its two ends. */
export type ServeEnd = 'replaced' | 'disconnected';

/** A connected client that serves methods. */
export interface Callee {
  readonly clientId: string;
  readonly tunnel: Tunnel;
  readonly announced: Announcement;
  /** The callee has not left, and no other one has its place. */
  readonly isThere: boolean;
  /** A call of this method begins here; the answer ends it, once. */
  occupy(method: string): () => void;
  /** Replaces what was announced before. */
  announce(announcement: Announcement): Refusals;
  /** The callee has gone: nobody finds it from now on. */
  leave(): void;
}
