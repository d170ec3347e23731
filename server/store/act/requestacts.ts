import type { Actor } from '../acts.ts';
import type { CredentialOutcome, Revocation, StoredCredential } from '../credentials.ts';
import type { QueueSettings } from '../queues.ts';
import type { Request } from '../request.ts';
import type { Acts } from './acts.ts';

/**
 * Notes what a request that was done has done to queues, clients and credentials: of tasks whoever changes them notes it.
 * @param find a credential that is stored
 */
export function noteRequest(
  acts: Acts,
  request: Request,
  answer: unknown,
  find: (id: string) => StoredCredential | null,
): void {
  switch (request.kind) {
    case 'setQueue':
      if (request.actor) noteSettings(acts, request.settings, answer as QueueSettings, request.actor);
      break;
    case 'drainClient': {
      const { clientId, isDrained, actor } = request;
      if (!actor || !(answer === true || actor.isHere)) break;
      const kind = isDrained ? 'client_drained' : 'client_resumed';
      acts.note({ kind, at: actor.now, by: actor.by, clientId });
      break;
    }
    case 'forgetClient':
      if (answer !== 'forgotten') break;
      acts.note({ kind: 'client_forgotten', at: request.now, by: request.by, clientId: request.clientId });
      break;
    case 'changeCredential':
      noteCredential(acts, request, answer as CredentialOutcome, find);
      break;
    case 'noteAct':
      acts.note(request.act);
  }
}

/** @param actor.isDeletion the queue goes, and its settings with it */
function noteSettings(
  acts: Acts,
  change: Partial<QueueSettings> & Pick<QueueSettings, 'queue'>,
  { maxWaiting, maxRunning, retention }: QueueSettings,
  { by, now, isDeletion }: Actor & { readonly isDeletion?: boolean },
): void {
  const act = { at: now, by, queue: change.queue };
  if (isDeletion) {
    acts.note({ ...act, kind: 'queue_deleted' });
    return;
  }
  if (change.isPaused !== undefined) acts.note({ ...act, kind: change.isPaused ? 'queue_paused' : 'queue_resumed' });
  if (change.maxWaiting !== undefined || change.maxRunning !== undefined) {
    acts.note({ ...act, kind: 'queue_limited', limits: { maxWaiting, maxRunning } });
  }
  if (change.retention !== undefined) acts.note({ ...act, kind: 'queue_retained', retention });
}

/** What changed nothing, since it was done before, is no act; nor is that a client comes by a join, or renews its own. */
function noteCredential(
  acts: Acts,
  { change, now, by }: Extract<Request, { readonly kind: 'changeCredential' }>,
  { answer, changed }: CredentialOutcome,
  find: (id: string) => StoredCredential | null,
): void {
  if (changed.length === 0) return;
  const about = ({ id, principal }: StoredCredential) => ({ at: now, credential: { id, principal } });
  if (change.kind === 'create') {
    acts.note({ ...about(answer as StoredCredential), kind: 'credential_created', by: change.credential.createdBy });
  } else if (change.kind === 'renew' && by !== undefined) {
    acts.note({ ...about(answer as StoredCredential), kind: 'credential_rotated', by });
  } else if (change.kind === 'revoke' && by !== undefined) {
    const { revokedCount: count } = answer as Revocation;
    const revoked = find(change.id);
    if (revoked) acts.note({ ...about(revoked), kind: 'credential_revoked', by, count });
  }
}
