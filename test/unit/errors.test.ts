import assert from 'node:assert/strict';
import { Metadata, status } from '@grpc/grpc-js';
import { CODE_NAMES, ContactError, codeNumber, invalid, nameTask, refuseTask, tooLarge } from '../../shared/errors.ts';
import { toStatus } from '../../shared/status.ts';

function serviceError(code: status, details: string, metadata = new Metadata()): Error {
  return Object.assign(new Error(`${code} ${details}`), { code, details, metadata });
}

describe('CODE_NAMES', () => {
  it('has the names and numbers of gRPC', () => {
    const numbers = Object.values(status).filter((value) => typeof value === 'number');
    assert.deepEqual(
      CODE_NAMES,
      numbers.toSorted((a, b) => a - b).map((value) => status[value]),
    );
    assert.equal(codeNumber('UNAUTHENTICATED'), status.UNAUTHENTICATED);
  });
});

describe('ContactError', () => {
  it('shows nothing of what was not meant to be shown', () => {
    const known = ContactError.from(new TypeError('x is not a function'));
    assert.deepEqual([known.code, known.message], ['INTERNAL', 'internal error']);
    assert.equal(toStatus(new TypeError('x is not a function')).details, 'internal error');
  });

  it('keeps code, words, retry hint and advice over the wire', () => {
    const advice = { reason: 'SERVER_SHUTDOWN', retry: 'now' } as const;
    const { code, details, metadata } = toStatus(
      new ContactError('UNAVAILABLE', 'going', { advice, retryAfterMs: 12.5 }),
    );
    const back = ContactError.from(serviceError(code, details, metadata));
    assert.deepEqual([back.code, back.message, back.retryAfterMs, back.advice], ['UNAVAILABLE', 'going', 13, advice]);
  });

  it('tells over the wire what is too large for ever from what is full for now', () => {
    const adviceOf = (error: ContactError) => {
      const { code, details, metadata } = toStatus(error);
      return ContactError.from(serviceError(code, details, metadata)).advice;
    };
    const never = { reason: 'RESOURCE_EXHAUSTED', retry: 'never' };
    assert.deepEqual(adviceOf(tooLarge('7 bytes, at most 6 are taken', { field: 'request' })), never);
    assert.equal(adviceOf(new ContactError('RESOURCE_EXHAUSTED', 'full')), undefined);
  });

  it('keeps what it is about, as data and in its words', () => {
    const { code, details, metadata } = toStatus(refuseTask('ALREADY_EXISTS', 3, 'id', 'another has it'));
    assert.equal(details, 'tasks[3].id: another has it');
    const back = ContactError.from(serviceError(code, details, metadata));
    assert.deepEqual(
      [back.message, back.field, back.index, back.problem],
      [details, 'tasks[3].id', 3, 'another has it'],
    );
    assert.equal(nameTask(back, 'task').message, 'task.id: another has it');
    assert.equal(nameTask(invalid('cursor', 'old'), 'task').message, 'cursor: old');
  });

  it('names a field that no header could carry', () => {
    const { metadata } = toStatus(invalid('metadata[\u00fc\n]', 'too long'));
    assert.equal(metadata.get('contact-field')[0], 'metadata[??]');
  });

  it('has no retry hint where none was given', () => {
    assert.equal(ContactError.from(serviceError(status.NOT_FOUND, 'id: no task')).retryAfterMs, undefined);
  });

  it('says what the socket said, without the words around it', () => {
    const details = 'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ';
    assert.equal(
      ContactError.from(serviceError(status.UNAVAILABLE, details)).message,
      'connect ECONNREFUSED 127.0.0.1:1',
    );
  });
});
