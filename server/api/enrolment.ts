import type { EnrolmentService } from '../../gen/index.ts';
import { ContactError, invalidName, tooLarge } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import { EXPIRED, REVOKED, UNAUTHENTICATED } from '../access/refusals.ts';
import { takenByAnother } from '../model/owner.ts';
import type { Clients } from '../session/clients.ts';
import type { EnrolRefusal } from '../store/credentials.ts';
import { type AccessOptions, checkOn } from './access.ts';
import { readHash, readId, writeCredential } from './credentials.ts';
import type { Handlers } from './handler.ts';

/** For which the credential before lives on: a client that hears no answer asks again with it. */
const OVERLAP_MS = 600_000;

/** EnrolmentService. */
export function createEnrolmentHandlers(
  options: Pick<AccessOptions, 'store' | 'clock' | 'isOn' | 'authority'> & {
    readonly clients: Pick<Clients, 'servedBy'>;
  },
): Handlers<typeof EnrolmentService> {
  const { store, clock, isOn, authority, clients } = options;

  return {
    async enrol({ clientId, id, secretHash }, { caller }) {
      checkOn(isOn);
      if (!isName(clientId)) throw invalidName('client_id', clientId);
      // The gate lets in joins alone.
      const drawn = { id: readId(id, 'id'), hash: readHash(secretHash) };
      const enrolment = {
        joinId: caller.credentialId!,
        clientId,
        ...drawn,
        servedBy: () => clients.servedBy(clientId),
      };
      const enrolled = await store.enrolClient(enrolment, clock.now());
      if (typeof enrolled === 'string') throw explainRefusal(enrolled, clientId);
      return { credential: writeCredential(enrolled), caCertificate: authority().ca ?? '' };
    },

    async renew({ id, secretHash }, { caller }) {
      checkOn(isOn);
      const { kind, credentialId: oldId, principal: createdBy } = caller;
      if (kind !== 'client' || oldId === undefined) {
        const problem =
          'only the credential of a client that came by a join is renewed: tokens are rotated by operators';
        throw new ContactError('FAILED_PRECONDITION', problem);
      }
      const drawn = { id: readId(id, 'id'), hash: readHash(secretHash) };
      const renewal = { oldId, ...drawn, overlapMs: OVERLAP_MS, createdBy, madeWith: oldId };
      const renewed = await store.renewCredential(renewal, clock.now());
      if (typeof renewed === 'object') return { credential: writeCredential(renewed) };
      throw renewed === 'revoked' ? REVOKED : renewed === 'expired' ? EXPIRED : UNAUTHENTICATED;
    },
  };
}

function explainRefusal(refusal: EnrolRefusal, clientId: string): ContactError {
  const field = 'client_id';
  switch (refusal) {
    case 'unknown':
      return UNAUTHENTICATED;
    case 'expired':
      return EXPIRED;
    case 'used_up':
      return tooLarge('this join has let in as many clients as it may');
    case 'revoked':
      return new ContactError('PERMISSION_DENIED', `this join, or ${clientId} since it was made, was revoked`, {
        field,
        advice: { reason: 'REVOKED', retry: 'never' },
      });
    case 'client_refused':
      return new ContactError('PERMISSION_DENIED', `this join is not for ${clientId}`, { field });
    case 'taken':
      return new ContactError('ALREADY_EXISTS', `${clientId} has a credential that lives: revoke it first`, { field });
    case 'owned':
      return takenByAnother(clientId, field);
  }
}
