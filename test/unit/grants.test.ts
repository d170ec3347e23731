import assert from 'node:assert/strict';
import { createCertificateReader } from '../../server/access/certificates.ts';
import { grantedTo, readGrants } from '../../server/access/grants.ts';

describe('grantedTo()', () => {
  const grants = readGrants(
    ['a role=worker queue=x', 'a* role=producer queue=y queue=x', 'b role=observer'],
    'jwtGrants',
  );

  it('allows what each pattern that fits allows, which goes with nothing of another', () => {
    const none = { clients: [], calls: [], serves: [] };
    assert.deepEqual(grantedTo(['a'], grants, ''), [
      { roles: ['worker'], queues: ['x'], ...none },
      { roles: ['producer'], queues: ['y', 'x'], ...none },
    ]);
    assert.deepEqual([grantedTo(['c'], grants, ''), grantedTo([], grants, '')], [[], []]);
    const certificates = createCertificateReader(grants, () => 0);
    const caller = certificates('a', 1)!.as(undefined);
    assert.equal(certificates('c', 1), null);
    assert.deepEqual(
      [[...caller.roles], caller.scope.queues, caller.parts?.length],
      [['worker', 'producer'], ['x', 'y'], 2],
    );
  });

  it('puts the name of its holder in the place of {name}, and nothing where that is no name of a client', () => {
    const own = readGrants(['robot-* role=worker queue=in/{name}/* queue=all client={name}'], 'certificateGrants');
    const allowed = (name: string) => {
      const { queues, clients } = grantedTo(['robot-7'], own, name)[0]!;
      return [queues, clients];
    };
    assert.deepEqual(allowed('robot-7'), [['in/robot-7/*', 'all'], ['robot-7']]);
    for (const name of ['*', 'robot-*', 'robot 7', '', '{client}', 'a{name}'])
      assert.deepEqual(allowed(name), [['all'], []]);
    for (const text of [
      'a role=worker client={name}{name}',
      'a role=worker call={name}',
      'a role=worker client={nam}',
    ]) {
      assert.throws(() => readGrants([text], 'jwtGrants'), /jwtGrants/);
    }
  });
});
