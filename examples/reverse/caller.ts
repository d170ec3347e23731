import { CallError, createCaller } from 'contactd';
import { Calculate } from './gen/calculate_pb.ts';
import { Greeter } from './gen/helloworld_pb.ts';
import { OrderHandler } from './gen/orders_pb.ts';
import { UserRecommend } from './gen/recommend_pb.ts';
import { RouteGuide } from './gen/route_guide_pb.ts';

// node examples/reverse/caller.ts [HOST:PORT] [CLIENT_ID] — calls them. Any other stub does too: contact needs none of its own.

const caller = createCaller({
  server: process.argv[2] ?? '127.0.0.1:50051',
  // To this client; without it, to whoever serves the method and has the most room.
  clientId: process.argv[3] ?? 'typescript',
  waitMs: 10_000,
});

const greeter = caller.stub(Greeter);
console.log((await greeter.sayHello({ name: 'Ada' })).message);

const { json } = await caller.stub(OrderHandler).create_order({ user: 'ada', items: { tea: 2n, scones: 3n } });
console.log(json);

console.log((await caller.stub(Calculate).square({ value: 1.5 })).value);

const request = { userId: 2n ** 60n, seen: [2n ** 53n + 2n] };
const { items } = await caller.stub(UserRecommend).user_recommend(request);
for (const { id, name, score } of items)
  console.log(`${id} ${name} ${[score?.value, ...(score?.reasons ?? [])].join(' ')}`);

const guide = caller.stub(RouteGuide);
console.log((await guide.getFeature({ latitude: 41, longitude: -74 })).name);
const names: string[] = [];
for await (const { name } of guide.listFeatures({ lo: { latitude: 1 }, hi: { latitude: 3 } })) names.push(name);
console.log(names.join(', '));
const { pointCount, featureCount } = await guide.recordRoute([1, 2, 3, 4, 5].map((latitude) => ({ latitude })));
console.log(`${pointCount} points, ${featureCount} features`);
for await (const { message } of guide.routeChat([{ message: 'one' }, { message: 'two' }])) console.log(message);
try {
  await guide.getFeature({});
} catch (error) {
  if (!(error instanceof CallError)) throw error;
  console.log(error.code, error.message);
}

// It is kept until the client is there, whenever that is.
const { answer } = await caller.keep(Greeter.method.sayHello, { name: 'whoever comes' });
console.log((await answer()).message);
await caller.close();
