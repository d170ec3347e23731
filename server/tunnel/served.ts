import type { Observable } from 'rxjs';
import type { DescriptorSet } from './descriptors.ts';

/** The services that clients serve. */
export interface ServedServices {
  /** By their names, those that somebody serves now and describes; of too many those of principals that serve few. */
  names(): Iterable<string>;
  /** Undefined: nobody has announced it, or it was forgotten. False: nobody serves it now. */
  isServed(service: string): boolean | undefined;
  /**
   * What those clients have said that may speak for a symbol: for a service, those who serve it; the client that is named, if
   * it is there and has described what it serves.
   */
  sets(symbol: string, clientId?: string): ReadonlySet<DescriptorSet>;
  /** Emits when somebody may serve a service that nobody did, or nobody does any more. */
  readonly changed$: Observable<void>;
}
