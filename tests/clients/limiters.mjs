// Rate limiters of rate-limiter-flexible, on ioredis and node-redis, through kill -9 of the server.
//
// As many pass as may, no fewer and no more. Of those whose request was under way when the server
// was killed nobody knows: each of them may have been counted without having passed.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import Redis from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { crash, ports, until } from './control.mjs';

const [port] = ports;
const { version } = createRequire(import.meta.url)('rate-limiter-flexible/package.json');
const MAY_PASS = 90;
const AT_ONCE = 6;

function ioredis() {
  const client = new Redis(port, {
    enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy: () => 20,
  });
  client.on('error', () => { /* The request that it befalls tells of it. */ });
  return {
    client,
    connected: () => client.status === 'ready',
    flush: () => client.flushall(),
    stats: () => client.info('commandstats'),
    close: () => client.disconnect(),
  };
}

async function nodeRedis() {
  const client = createClient({
    socket: { port, host: '127.0.0.1', reconnectStrategy: () => 20 }, disableOfflineQueue: true,
  });
  client.on('error', () => { /* The request that it befalls tells of it. */ });
  await client.connect();
  return {
    client,
    connected: () => client.isReady,
    flush: () => client.flushAll(),
    stats: () => client.info('commandstats'),
    close: () => client.destroy(),
  };
}

// Has `count` try, some at once, and returns how many passed; those without an answer try again.
async function hits(limiter, count, seen = () => {}) {
  let left = count;
  let passed = 0;
  const some = async () => {
    while (left > 0) {
      left -= 1;
      try {
        await limiter.consume('visitor');
        passed += 1;
        await seen(passed);
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) {
          left += 1;
          await new Promise(setImmediate);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  return passed;
}

async function betweenHits(limiter, connected) {
  assert.equal(await hits(limiter, MAY_PASS / 3), MAY_PASS / 3);
  await crash(0);
  await until('the client is connected', connected);
  const { consumedPoints, remainingPoints } = await limiter.get('visitor');
  assert.deepEqual([consumedPoints, remainingPoints], [MAY_PASS / 3, MAY_PASS - MAY_PASS / 3]);
  assert.equal(await hits(limiter, 3 * MAY_PASS), MAY_PASS - MAY_PASS / 3);
  return MAY_PASS;
}

async function amidHits(limiter) {
  const passed = await hits(limiter, 3 * MAY_PASS, (soFar) => soFar === MAY_PASS / 3 && crash(0));
  assert.ok(passed <= MAY_PASS && passed >= MAY_PASS - AT_ONCE, `${passed} passed`);
  return passed;
}

async function rewardsAndPenalties(limiter) {
  await limiter.consume('other', 10);
  assert.equal((await limiter.penalty('other', 5)).consumedPoints, 15);
  assert.equal((await limiter.reward('other', 12)).consumedPoints, 3);
  await limiter.block('other', 600);
  await assert.rejects(limiter.consume('other'), (refused) => refused.msBeforeNext > 500_000);
  assert.equal(await limiter.delete('other'), true);
  assert.equal((await limiter.consume('other')).remainingPoints, MAY_PASS - 1);
  return MAY_PASS;
}

for (const connect of [ioredis, nodeRedis]) {
  const { client, connected, flush, stats, close } = await connect();
  await until('the client is connected', connected);
  for (const part of [rewardsAndPenalties, betweenHits, amidHits]) {
    await flush();
    const limiter = new RateLimiterRedis({
      storeClient: client, points: MAY_PASS, duration: 3600, useRedisPackage: connect === nodeRedis,
    });
    const passed = await part(limiter, connected);
    console.log(`rate-limiter-flexible ${version}, ${connect.name}: ${part.name}, `
      + `${passed} of ${MAY_PASS} passed`);
  }
  assert.match(await stats(), /cmdstat_eval(sha)?:calls=\d{3}/);
  close();
}
