import type { GetTaskRequest } from '../../gen/index.ts';
import { invalid, invalidName } from '../../shared/errors.ts';
import { isName, isSessionId, newSessionId } from '../../shared/ids.ts';
import { showMisname } from '../../shared/name.ts';
import { hideSecrets } from '../../shared/redact.ts';
import { cutText } from '../../shared/text.ts';
import type { TaskOutlet } from '../session/outlet.ts';
import type { Registration } from '../session/registration.ts';
import type { Timeouts } from '../session/timeouts.ts';
import type { Context } from './context.ts';
import { type Headers, readClient, readSessionId } from './identity.ts';
import { checkQueue } from './scope.ts';
import { readDeliveries } from './status.ts';

export const MAX_HOLDING = 100_000;
export const MAX_LABELS = 64;
const MAX_QUEUES = 1_000;
const MAX_AGENT_LENGTH = 128;

/** The revision of the contract that this server speaks. */
export const REVISION = 1;

/** What is read of the call of a client that registers. */
export type Registrant = Headers & Pick<Context, 'caller'>;

/** Decodes and checks how a client registers. INVALID_ARGUMENT or PERMISSION_DENIED names the field. */
export function readRegistration(request: GetTaskRequest, context: Registrant, outlet: TaskOutlet): Registration {
  const { clientId, isDrawn } = readClient(context);
  const sessionId = readSessionId(context);
  const { queues, maxInFlight, resume, labels } = request;
  if (request.revision > REVISION) throw invalid('revision', `this server speaks ${REVISION}`);
  if (queues.length === 0 || queues.length > MAX_QUEUES) throw invalid('queues', `expected 1 to ${MAX_QUEUES} names`);
  queues.forEach((name, index) => {
    checkName(`queues[${index}]`, name);
    checkQueue(context.caller, name, `queues[${index}]`);
  });
  checkLabels(labels);
  return {
    id: sessionId ?? newSessionId(),
    subject: context.caller.principal,
    caller: context.caller,
    clientId,
    isNamed: !request.ephemeral && !isDrawn,
    isDrawn,
    isResumable: sessionId !== undefined,
    queues: [...new Set(queues)],
    labels,
    credit: maxInFlight || 1,
    timeouts: readTimeouts(request),
    agent: hideSecrets(cutText(request.agent, MAX_AGENT_LENGTH)),
    resume: resume ? readResume(resume) : null,
    outlet,
  };
}

function readResume(resume: NonNullable<GetTaskRequest['resume']>): Registration['resume'] {
  const { previousSession, holding, complete: isComplete } = resume;
  if (!isSessionId(previousSession)) throw invalid('resume.previous_session', 'expected 32 lower-case hex digits');
  return { previousId: previousSession, holding: readDeliveries('resume.holding', holding, MAX_HOLDING), isComplete };
}

function readTimeouts({ timeoutMs, queueTimeoutsMs, queues }: GetTaskRequest): Timeouts | undefined {
  const byQueue = new Map(Object.entries(queueTimeoutsMs));
  for (const queue of byQueue.keys()) {
    if (!queues.includes(queue))
      throw invalid('queue_timeouts_ms', `expected names of \`queues\`, got ${showMisname(queue)}`);
  }
  return timeoutMs === 0 && byQueue.size === 0 ? undefined : { ofAll: timeoutMs, byQueue };
}

export function checkLabels(labels: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(labels);
  if (pairs.length > MAX_LABELS) throw invalid('labels', `at most ${MAX_LABELS}, got ${pairs.length}`);
  for (const [key, value] of pairs) {
    checkName('labels (a key)', key);
    if (value !== '') checkName(`labels[${key}]`, value);
  }
}

function checkName(field: string, name: string): void {
  if (!isName(name)) throw invalidName(field, name);
}
