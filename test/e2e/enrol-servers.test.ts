import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createEnrolling, keep, type Record, startEnrolmentServer, type Told } from '../scene/enrolment.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact } from '../scene/process.ts';

const record: Record = { secrets: [], texts: [] };
const enrolling = createEnrolling(record);

describe('clients that came by a join text, and their server', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  const isOf = (told: Told, code: number, words: RegExp): void => {
    assert.match(told.text, words);
    assert.equal(told.code, code, told.text);
  };
  const ask = async (file: string): Promise<Told> => {
    const { code, stdout, stderr } = await runContact(['whoami', '--credential-file', file, '--connect-timeout', '5s']);
    return { code: code ?? -1, text: stderr || stdout, warnings: '' };
  };

  it('are told so when it was restored from a backup of before, and come in anew', async () => {
    const first = await startEnrolmentServer(record);
    const [folder, listen] = [first.folder, first.process.address];
    const copy = join(createFolder(), 'copy.db');
    await first.operate('backup', copy);
    const text = await first.makeJoin();
    const file = join(createFolder(), 'credential');
    isOf(await enrolling.byCommand(text, 'robot-1', file), 0, /enrolled/);
    await first.process.stop();
    const restored = await runContact(['restore', copy, '--store', `sqlite:${join(folder, 'contact.db')}`, '--force']);
    assert.equal(restored.code, 0, restored.stderr);
    const next = await startEnrolmentServer(record, { folder, listen });
    isOf(
      await ask(file),
      1,
      /A credential file that the server has lost, as when its store was restored, is to be moved away/,
    );
    renameSync(file, `${file}.lost`);
    isOf(
      await enrolling.byCommand(text, 'robot-1', file),
      1,
      /does not know this join text: .* the store was restored since/,
    );
    isOf(await enrolling.byCommand(await next.makeJoin(), 'robot-1', file), 0, /enrolled/);
    isOf(await ask(file), 0, /client:robot-1/);
    await next.process.stop();
  });

  it('are told so when it has another authority, send it nothing, and come in anew once they were revoked', async () => {
    const first = await startEnrolmentServer(record);
    const [folder, listen] = [first.folder, first.process.address];
    const file = join(createFolder(), 'credential');
    const text = await first.makeJoin();
    isOf(await enrolling.byCommand(text, 'robot-1', file), 0, /enrolled/);
    await first.process.stop();
    for (const name of ['ca-key.pem', 'ca.pem', 'tls.pem']) rmSync(join(folder, `contact.db.${name}`));
    const next = await startEnrolmentServer(record, { folder, listen });
    isOf(await ask(file), 3, /another authority than the pinned one .*its operator has a new pin, or a join text/);
    isOf(await enrolling.byCommand(text, 'robot-2', `${file}.2`), 3, /another authority than the pinned one/);
    const renewed = await next.makeJoin();
    isOf(
      await enrolling.byCommand(renewed, 'robot-1', file),
      2,
      /is for another authority .* move the file away to enrol anew/,
    );
    const { id } = JSON.parse(readFileSync(file, 'utf8'));
    renameSync(file, `${file}.old`);
    isOf(
      await enrolling.byCommand(renewed, 'robot-1', file),
      1,
      /robot-1 has a credential that lives: revoke it first/,
    );
    await next.operate('token', 'revoke', id);
    isOf(await enrolling.byCommand(await next.makeJoin(), 'robot-1', file), 0, /enrolled/);
    isOf(await ask(file), 0, /client:robot-1/);
    // What was drawn before the other authority was known is no use to it.
    isOf(await enrolling.byCommand(await next.makeJoin(), 'robot-2', `${file}.2`), 0, /enrolled/);
    await next.process.stop();
  });

  it('whose clock is behind are told so at once, and come in when it is set', async () => {
    const server = await startEnrolmentServer(record);
    const [text, file] = [keep(await server.makeJoin('--uses', '1')), join(createFolder(), 'credential')];
    const args = ['join', '--join-file', text, '--id', 'robot-1', '--out', file];
    const behind = 'data:text/javascript,const now=Date.now;Date.now=()=>now()-1e10';
    const { code, stderr } = await runContact(args, { nodeArgs: ['--import', behind] });
    assert.match(stderr, /certificate that is not valid yet: .* begins on .* \(is the clock of this machine right\?\)/);
    assert.equal(code, 3);
    const draft = JSON.parse(readFileSync(file, 'utf8'));
    isOf(await enrolling.byCommand(text, 'robot-1', file), 0, /enrolled/);
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).secret, draft.secret);
    await server.process.stop();
  });
});
