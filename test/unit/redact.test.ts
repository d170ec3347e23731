import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { drawToken } from '../../server/access/token.ts';
import { writeJoinText } from '../../shared/jointext.ts';
import { hideSecrets, hideSecretsIn } from '../../shared/redact.ts';
import { createSigner } from '../scene/signer.ts';

describe('hideSecrets()', () => {
  it('shows which token it was, and nothing of secrets', async () => {
    const { text, id } = drawToken();
    const secret = randomBytes(32).toString('base64url');
    const join = writeJoinText({ addresses: ['a:1'], pin: '', id, secret });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const cases: [string, string][] = [
      [`no credential ${text}.`, `no credential ct_${id}_***.`],
      [`"${text.slice(0, 40)}"`, `"ct_${id}_***"`],
      [`${text}x`, `ct_${id}_***`],
      [`x${text}${text}`, `xct_${id}_***`],
      [`open '${join}'`, "open 'cj_***'"],
      [`Bearer ${await (await createSigner()).sign()}, and`, 'Bearer eyJ***, and'],
      ['token=xeyJhbGciOiJ9.eyJzdWIiOiJ9.c2ln_-Z eyJ', 'token=xeyJ*** eyJ'],
      ['a.b.eyJhbGciOiJ9.eyJzdWIiOiJ9.c2ln.eyJhbGciOiJ9.eyJzdWIiOiJ9.', 'a.b.eyJ***.eyJ***'],
      ['sqlite:a.db postgres://me:hunter2@db/contact', 'sqlite:a.db postgres://me:***@db/contact'],
      [`a ${pem}b`, 'a -----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\nb'],
    ];
    for (const [given, shown] of cases) assert.equal(hideSecrets(given), shown);
    const line = JSON.stringify({ msg: pem, text, url: 'https://a:b@c' });
    assert.deepEqual(JSON.parse(hideSecrets(line)), {
      msg: '-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\n',
      text: `ct_${id}_***`,
      url: 'https://a:***@c',
    });
  });

  it('takes a time that grows with the text, whatever is in it', () => {
    const beginnings = [
      'eyJ',
      'eyJAAAAAAAA.',
      'ct_',
      'ct_aaaaaaaaaaaaaaaa_',
      'cj_eyJ',
      '-----BEGIN ',
      '-----BEGIN A ',
      '//',
      '//a:',
    ];
    for (const one of beginnings) {
      const from = performance.now();
      hideSecrets(one.repeat(90_000 / one.length));
      assert.ok(performance.now() - from < 500, one);
    }
  });

  it('leaves everything else as it is', () => {
    for (const text of ['ct_x', 'robots/ct_7', 'cj_', 'a:b@c', 'http://127.0.0.1:1/a@b', 'eyJhIjoxfQ', 'key: a.b.c'])
      assert.equal(hideSecrets(text), text);
  });
});

describe('hideSecretsIn()', () => {
  it('shows no secret of the fields of a line, at any place, and leaves all others as they are', () => {
    const { text, id } = drawToken();
    const shown = `ct_${id}_***`;
    const error = new Error('as it is');
    const fields = { client: text, ids: ['a', text], labels: { [text]: text }, count: 7, at: null, error };
    assert.deepEqual(hideSecretsIn(fields), {
      client: shown,
      ids: ['a', shown],
      labels: { [shown]: shown },
      count: 7,
      at: null,
      error,
    });
  });
});
