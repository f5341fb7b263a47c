// Redlock of Node.js over three servers, through kill -9 of one.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import Redis from 'ioredis';
import Redlock from 'redlock';
import { crash, kill, ports, start } from './control.mjs';

const { version } = createRequire(import.meta.url)('redlock/package.json');
const CONTENDERS = 4;
const ROUNDS = 50;
// Longer than anybody is in the section. Who got no reply may have the lock for so long.
const HELD_MAX_MS = 5000;

const clients = ports.map((port) => {
  const client = new Redis(port, {
    enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy: () => 20,
  });
  return client.on('error', () => { /* The request that it befalls tells of it. */ });
});
const connected = (client) => client.status === 'ready' || new Promise((resolve) => {
  client.once('ready', resolve);
});
const redlock = (options) => new Redlock(clients, { retryDelay: 4, retryJitter: 4, ...options });

async function oneAtATimeThoughOneOfThreeCrashes() {
  const locks = redlock({ retryCount: 10_000 });
  let inside = 0;
  let passed = 0;
  const contend = async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const lock = await locks.lock('section', HELD_MAX_MS);
      assert.equal(inside, 0, 'two are inside at once');
      inside += 1;
      await pause(2);
      inside -= 1;
      passed += 1;
      // The server that is away may be one of the two that it was got from.
      await lock.unlock().catch((error) => assert.equal(error.name, 'LockError'));
      if (passed === 70) await kill(0);
      if (passed === 140) await start(0);
    }
  };
  await Promise.all(Array.from({ length: CONTENDERS }, contend));
  assert.equal(passed, CONTENDERS * ROUNDS);
}

// Two of three have the lock; if one of these forgot it, the third would make two for another.
async function aQuorumIsHeldOverCrashes() {
  const [owner, other] = [redlock({ retryCount: 0 }), redlock({ retryCount: 0 })];
  await kill(2);
  const lock = await owner.lock('quorum', 60_000);
  await crash(1);
  await start(2);
  await Promise.all(clients.map(connected));
  await assert.rejects(other.lock('quorum', 60_000), { name: 'LockError' });
  await lock.extend(120_000);
  assert.ok((await clients[1].pttl('quorum')) > 60_000);
  await lock.unlock();
  await (await other.lock('quorum', 60_000)).unlock();
}

for (const part of [oneAtATimeThoughOneOfThreeCrashes, aQuorumIsHeldOverCrashes]) {
  await Promise.all(clients.map(connected));
  await part();
  console.log(`redlock ${version}: ${part.name}`);
}
assert.match(await clients[1].info('commandstats'), /cmdstat_evalsha:/);
clients.forEach((client) => client.disconnect());
