import assert from 'node:assert/strict';
import { EXIT } from '../../cli/exit.ts';
import { reachServer } from '../../cli/reach.ts';

describe('reachServer()', () => {
  it('says that there is no server although the time is over before the first question', async () => {
    const refusal = { exitCode: EXIT.unreachable, message: /^could not reach 127\.0\.0\.1:1 within / };
    await assert.rejects(reachServer({ server: '127.0.0.1:1' }, 0.000_001), refusal);
  });
});
