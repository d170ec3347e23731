import assert from 'node:assert/strict';
import { AccessService, EnrolmentService, ReverseService } from '../../gen/index.ts';
import { NOBODY } from '../../server/access/callers.ts';
import { admissionOf, isAdmitted } from '../../server/access/methods.ts';
import { LOCAL_OPERATOR } from '../../server/model/caller.ts';
import { methodPath } from '../../shared/grpc.ts';
import { SERVICES } from '../scene/clients.ts';

describe('admissionOf()', () => {
  it('has a row for every method of every service: only these are for whoever is known, as what has no row is', () => {
    const all = [...SERVICES, AccessService, EnrolmentService, ReverseService].flatMap(({ methods }) => methods);
    assert.deepEqual(
      all.map((method) => methodPath(method)).filter((path) => admissionOf(path) === 'authenticated'),
      [
        '/contact.v1.AdminService/GetServerInfo',
        '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
        '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
        '/contact.v1.AccessService/DescribeCaller',
        '/contact.v1.EnrolmentService/Renew',
      ],
    );
  });

  it("asks of who calls what is none of the server's own to be known", () => {
    assert.equal(admissionOf('/no.Service/Method'), 'authenticated');
    assert.equal(admissionOf('/constructor'), 'authenticated');
  });

  it('lets nobody in whose role it is not', () => {
    assert.equal(isAdmitted(NOBODY, ['worker']), false);
    assert.equal(isAdmitted(LOCAL_OPERATOR, ['worker']), true);
    assert.equal(isAdmitted(LOCAL_OPERATOR, 'join'), false);
    assert.equal(isAdmitted({ ...NOBODY, kind: 'join' }, 'join'), true);
    assert.equal(isAdmitted({ ...LOCAL_OPERATOR, kind: 'join' }, ['operator']), false);
    assert.equal(isAdmitted({ ...LOCAL_OPERATOR, kind: 'join' }, 'authenticated'), false);
  });
});
