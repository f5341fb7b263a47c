// ioredis over every family of commands.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import Redis from 'ioredis';
import { equal, numbered, port, run, sorted, until } from './family_run.mjs';

const { version } = createRequire(import.meta.url)('ioredis/package.json');
const r = new Redis(port);

async function strings() {
  equal(await r.set('s', '1', 'EX', 100), 'OK');
  equal(await r.set('s', '2', 'NX'), null);
  equal(await r.set('s', '2', 'KEEPTTL', 'GET'), '1');
  equal((await r.ttl('s')) > 0, true);
  equal(await r.incrby('s', 40), 42);
  equal(await r.incrbyfloat('s', 0.5), '42.5');
  equal(await r.append('s', '!'), 5);
  equal(await r.getrange('s', 0, 1), '42');
  equal(await r.getdel('s'), '42.5!');
  equal(await r.mset({ a: '1', b: '2' }), 'OK');
  equal(await r.mget('a', 'b', 'c'), ['1', '2', null]);
  const bytes = Buffer.from(numbered(256, (i) => i));
  await r.set('bytes', bytes);
  equal(await r.getBuffer('bytes'), bytes);
  equal(await r.exists('a', 'b', 'c'), 2);
  equal(await r.copy('a', 'd'), 1);
  equal(await r.unlink('a', 'd'), 2);
}

async function hashes() {
  equal(await r.hset('h', { a: '1', b: 'two' }), 2);
  equal(await r.hgetall('h'), { a: '1', b: 'two' });
  equal(await r.hmget('h', 'a', 'z'), ['1', null]);
  equal(await r.hincrby('h', 'a', 2), 3);
  equal(sorted(await r.hkeys('h')), ['a', 'b']);
  equal(await r.hdel('h', 'a', 'z'), 1);
}

async function lists() {
  equal(await r.rpush('l', ...'abcde'), 5);
  equal(await r.lrange('l', 1, -2), ['b', 'c', 'd']);
  equal(await r.linsert('l', 'AFTER', 'c', 'x'), 6);
  equal(await r.lpos('l', 'x'), 3);
  equal(await r.lrem('l', 0, 'x'), 1);
  equal(await r.lmove('l', 'm', 'LEFT', 'RIGHT'), 'a');
  equal(await r.lmpop(2, 'm', 'l', 'LEFT'), ['m', ['a']]);
  equal(await r.lpop('l', 2), ['b', 'c']);
}

async function sets() {
  await r.sadd('s1', ...'abcd');
  await r.sadd('s2', ...'cdef');
  equal(sorted(await r.sinter('s1', 's2')), ['c', 'd']);
  equal(sorted(await r.sdiff('s1', 's2')), ['a', 'b']);
  equal(await r.sunionstore('s3', 's1', 's2'), 6);
  equal(await r.smismember('s1', 'a', 'z'), [1, 0]);
  equal((await r.spop('s1', 3)).length, 3);
  equal(await r.scard('s1'), 1);
}

async function sortedSets() {
  equal(await r.zadd('z', 1, 'a', 2.5, 'b', 3, 'c'), 3);
  equal(await r.zadd('z', 'GT', 'CH', 5, 'a'), 1);
  equal(await r.zrange('z', 0, -1, 'WITHSCORES'), ['b', '2.5', 'c', '3', 'a', '5']);
  equal(await r.zrange('z', '(3', '+inf', 'BYSCORE'), ['a']);
  equal(await r.zscore('z', 'b'), '2.5');
  equal(await r.zmscore('z', 'a', 'nosuch'), ['5', null]);
  equal(await r.zunionstore('u', 2, 'z', 'z', 'WEIGHTS', 1, 2), 3);
  equal(await r.zpopmin('u'), ['b', '7.5']);
  equal(await r.zrevrank('z', 'b'), 2);
}

async function bitmaps() {
  equal(await r.setbit('bits', 7, 1), 0);
  equal(await r.bitcount('bits'), 1);
  equal(await r.bitpos('bits', 1), 7);
  equal(await r.bitop('NOT', 'not', 'bits'), 1);
  equal(await r.bitfield('f', 'SET', 'u8', 0, 200, 'GET', 'u4', 0), [0, 12]);
}

async function hyperloglogs() {
  equal(await r.pfadd('p', ...'abc'), 1);
  await r.pfadd('q', ...'cde');
  equal(await r.pfcount('p', 'q'), 5);
  equal(await r.pfmerge('pq', 'p', 'q'), 'OK');
}

async function geography() {
  equal(await r.geoadd('g', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
  equal(await r.geodist('g', 'Palermo', 'Catania', 'KM'), '166.2742');
  equal(await r.geosearch('g', 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'ASC'),
    ['Catania', 'Palermo']);
  equal(await r.geohash('g', 'Palermo'), ['sqc8b49rny0']);
}

async function pubsub() {
  const listener = r.duplicate();
  const found = [];
  listener.on('message', (channel, message) => found.push([channel, message]));
  listener.on('pmessage', (pattern, channel, message) => found.push([pattern, channel, message]));
  equal(await listener.subscribe('news'), 1);
  equal(await listener.psubscribe('ne*'), 2);
  equal(await r.publish('news', 'hello'), 2);
  await until(() => found.length === 2);
  equal(found, [['news', 'hello'], ['ne*', 'news', 'hello']]);
  equal(await r.pubsub('NUMSUB', 'news'), ['news', 1]);
  await listener.quit();
}

async function transactions() {
  equal(await r.multi().set('t', '1').incr('t').get('t').exec(),
    [[null, 'OK'], [null, 2], [null, '2']]);
  const other = r.duplicate();
  await r.watch('t');
  await other.set('t', '10');
  equal(await r.multi().incr('t').exec(), null);
  await other.quit();
  const [, [error]] = await r.multi().set('t', 'text').lpop('t').exec();
  assert.match(error.message, /^WRONGTYPE /);
}

async function pipelines() {
  const pipe = r.pipeline();
  const keys = numbered(5000, (i) => `pipe:${i}`);
  for (const key of keys) pipe.set(key, key);
  for (const key of keys) pipe.get(key);
  const answers = await pipe.exec();
  equal(answers.slice(5000), keys.map((key) => [null, key]));
}

async function blocking() {
  const waiter = r.duplicate();
  equal(await waiter.blpop('nothing', 0.05), null);
  equal(await waiter.bzpopmin('nothing', 0.05), null);
  const blocked = () => until(async () => /blocked_clients:1/.test(await r.info('clients')));
  const popped = waiter.blpop('w1', 'w2', 30);
  await blocked();
  await r.rpush('w2', 'x');
  equal(await popped, ['w2', 'x']);
  const moved = waiter.blmove('w1', 'w3', 'LEFT', 'RIGHT', 30);
  await blocked();
  await r.rpush('w1', 'y');
  equal(await moved, 'y');
  const largest = waiter.bzpopmax('wz', 30);
  await blocked();
  await r.zadd('wz', 2, 'm');
  equal(await largest, ['wz', 'm', '2']);
  await waiter.quit();
}

async function iterators() {
  const keys = numbered(1200, (i) => `scan:${i}`);
  const pipe = r.pipeline();
  for (const key of keys) pipe.set(key, 1).hset('sh', key, 1).sadd('ss', key).zadd('sz', 1, key);
  await pipe.exec();
  const collect = async (stream, step) => {
    const found = new Set();
    for await (const some of stream) {
      for (let i = 0; i < some.length; i += step) found.add(some[i]);
    }
    return sorted(found);
  };
  equal(await collect(r.scanStream({ match: 'scan:*', count: 37 }), 1), sorted(keys));
  equal(await collect(r.hscanStream('sh'), 2), sorted(keys));
  equal(await collect(r.sscanStream('ss'), 1), sorted(keys));
  equal(await collect(r.zscanStream('sz'), 2), sorted(keys));
}

async function others() {
  await r.rpush('unsorted', 3, 1, 2);
  equal(await r.sort('unsorted', 'DESC'), ['3', '2', '1']);
  equal(await r.restore('restored', 0, await r.dumpBuffer('unsorted')), 'OK');
  equal(await r.lrange('restored', 0, -1), ['3', '1', '2']);
  equal(await r.client('SETNAME', 'tester'), 'OK');
  equal(await r.client('GETNAME'), 'tester');
  equal((await r.role())[0], 'master');
  equal((await r.command('COUNT')) > 200, true);
}

await run(`ioredis ${version}`, () => r.flushall(), [strings, hashes, lists, sets, sortedSets,
  bitmaps, hyperloglogs, geography, pubsub, transactions, pipelines, blocking, iterators, others]);
await r.quit();
