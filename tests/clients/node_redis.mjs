// node-redis, in the protocol that the first argument names, over every family of commands.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { RESP_TYPES, WatchError, createClient } from 'redis';
import { equal, numbered, port, run, sorted, until } from './family_run.mjs';

const { version } = createRequire(import.meta.url)('redis/package.json');
const RESP = Number(process.argv[2]);
const connect = () => createClient({ RESP, socket: { port, host: '127.0.0.1' } }).connect();
const r = await connect();

async function strings() {
  equal(await r.set('s', '1', { expiration: { type: 'EX', value: 100 } }), 'OK');
  equal(await r.set('s', '2', { condition: 'NX' }), null);
  equal(await r.set('s', '2', { GET: true, expiration: 'KEEPTTL' }), '1');
  equal((await r.ttl('s')) > 0, true);
  equal(await r.incrBy('s', 40), 42);
  equal(Number(await r.incrByFloat('s', 0.5)), 42.5);
  equal(await r.append('s', '!'), 5);
  equal(await r.getRange('s', 0, 1), '42');
  equal(await r.getDel('s'), '42.5!');
  equal(await r.mSet({ a: '1', b: '2' }), 'OK');
  equal(await r.mGet(['a', 'b', 'c']), ['1', '2', null]);
  const bytes = Buffer.from(numbered(256, (i) => i));
  await r.set('bytes', bytes);
  equal(await r.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get('bytes'), bytes);
  equal(await r.exists(['a', 'b', 'c']), 2);
  equal(await r.copy('a', 'd'), 1);
  equal(await r.unlink(['a', 'd']), 2);
}

async function hashes() {
  equal(await r.hSet('h', { a: '1', b: 'two' }), 2);
  equal({ ...(await r.hGetAll('h')) }, { a: '1', b: 'two' });
  equal(await r.hmGet('h', ['a', 'z']), ['1', null]);
  equal(await r.hIncrBy('h', 'a', 2), 3);
  equal(sorted(await r.hKeys('h')), ['a', 'b']);
  equal(await r.hDel('h', ['a', 'z']), 1);
}

async function lists() {
  equal(await r.rPush('l', [...'abcde']), 5);
  equal(await r.lRange('l', 1, -2), ['b', 'c', 'd']);
  equal(await r.lInsert('l', 'AFTER', 'c', 'x'), 6);
  equal(await r.lPos('l', 'x'), 3);
  equal(await r.lRem('l', 0, 'x'), 1);
  equal(await r.lMove('l', 'm', 'LEFT', 'RIGHT'), 'a');
  equal(await r.lmPop(['m', 'l'], 'LEFT'), ['m', ['a']]);
  equal(await r.lPopCount('l', 2), ['b', 'c']);
}

async function sets() {
  await r.sAdd('s1', [...'abcd']);
  await r.sAdd('s2', [...'cdef']);
  equal(sorted(await r.sInter(['s1', 's2'])), ['c', 'd']);
  equal(sorted(await r.sDiff(['s1', 's2'])), ['a', 'b']);
  equal(await r.sUnionStore('s3', ['s1', 's2']), 6);
  equal((await r.smIsMember('s1', ['a', 'z'])).map(Boolean), [true, false]);
  equal(sorted(await r.sMembers('s1')), ['a', 'b', 'c', 'd']);
  equal(await r.sCard('s1'), 4);
}

async function sortedSets() {
  equal(await r.zAdd('z', [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }]), 2);
  equal(await r.zAdd('z', { score: Infinity, value: 'c' }), 1);
  equal(await r.zRangeWithScores('z', 0, -1), [{ value: 'a', score: 1 },
    { value: 'b', score: 2.5 }, { value: 'c', score: Infinity }]);
  equal(await r.zRange('z', '(1', '+inf', { BY: 'SCORE', LIMIT: { offset: 0, count: 1 } }), ['b']);
  equal(await r.zScore('z', 'b'), 2.5);
  equal(await r.zmScore('z', ['a', 'nosuch']), [1, null]);
  equal(await r.zUnionStore('u', [{ key: 'z', weight: 2 }]), 3);
  equal(await r.zPopMin('u'), { value: 'a', score: 2 });
  equal(await r.zRevRank('z', 'b'), 1);
}

async function bitmaps() {
  equal(await r.setBit('bits', 7, 1), 0);
  equal(await r.bitCount('bits'), 1);
  equal(await r.bitPos('bits', 1), 7);
  equal(await r.bitOp('NOT', 'not', 'bits'), 1);
  equal(await r.bitField('f', [{ operation: 'SET', encoding: 'u8', offset: 0, value: 200 },
    { operation: 'GET', encoding: 'u4', offset: 0 }]), [0, 12]);
}

async function hyperloglogs() {
  equal(Number(await r.pfAdd('p', [...'abc'])), 1);
  await r.pfAdd('q', [...'cde']);
  equal(await r.pfCount(['p', 'q']), 5);
  equal(await r.pfMerge('pq', ['p', 'q']), 'OK');
}

async function geography() {
  equal(await r.geoAdd('g', [
    { longitude: 13.361389, latitude: 38.115556, member: 'Palermo' },
    { longitude: 15.087269, latitude: 37.502669, member: 'Catania' },
  ]), 2);
  equal(await r.geoDist('g', 'Palermo', 'Catania', 'km'), 166.2742);
  equal(await r.geoSearch('g', { longitude: 15, latitude: 37 }, { radius: 200, unit: 'km' },
    { SORT: 'ASC' }), ['Catania', 'Palermo']);
  equal(await r.geoHash('g', 'Palermo'), ['sqc8b49rny0']);
}

async function pubsub() {
  const listener = await connect();
  const found = [];
  const take = (message, channel) => found.push([channel, message]);
  await listener.subscribe('news', take);
  await listener.pSubscribe('ne*', take);
  await listener.sSubscribe('shard', take);
  equal(await r.publish('news', 'hello'), 2);
  equal(await r.sPublish('shard', 'ahoy'), 1);
  await until(() => found.length === 3);
  equal(found, [['news', 'hello'], ['news', 'hello'], ['shard', 'ahoy']]);
  equal({ ...(await r.pubSubNumSub('news')) }, { news: 1 });
  await listener.unsubscribe();
  listener.destroy();
}

async function transactions() {
  equal(await r.multi().set('t', '1').incr('t').get('t').exec(), ['OK', 2, '2']);
  const other = await connect();
  await r.watch('t');
  await other.set('t', '10');
  await assert.rejects(r.multi().incr('t').exec(), WatchError);
  equal(await r.get('t'), '10');
  other.destroy();
  await assert.rejects(r.multi().set('t', 'text').lPop('t').exec(),
    (error) => /^WRONGTYPE /.test(error.replies[1].message));
}

async function pipelines() {
  const keys = numbered(5000, (i) => `pipe:${i}`);
  await Promise.all(keys.map((key) => r.set(key, key)));
  equal(await Promise.all(keys.map((key) => r.get(key))), keys);
}

async function blocking() {
  const waiter = await connect();
  equal(await waiter.blPop('nothing', 0.05), null);
  equal(await waiter.bzPopMin('nothing', 0.05), null);
  const blocked = () => until(async () => /blocked_clients:1/.test(await r.info('clients')));
  const popped = waiter.blPop(['w1', 'w2'], 30);
  await blocked();
  await r.rPush('w2', 'x');
  equal({ ...(await popped) }, { key: 'w2', element: 'x' });
  const moved = waiter.blMove('w1', 'w3', 'LEFT', 'RIGHT', 30);
  await blocked();
  await r.rPush('w1', 'y');
  equal(await moved, 'y');
  const largest = waiter.bzPopMax('wz', 30);
  await blocked();
  await r.zAdd('wz', { score: 2, value: 'm' });
  equal({ ...(await largest) }, { key: 'wz', value: 'm', score: 2 });
  waiter.destroy();
}

async function iterators() {
  const keys = numbered(1200, (i) => `scan:${i}`);
  await Promise.all(keys.map((key) => Promise.all([r.set(key, '1'), r.hSet('sh', key, '1'),
    r.sAdd('ss', key), r.zAdd('sz', { score: 1, value: key })])));
  const collect = async (iterator, name) => {
    const found = new Set();
    for await (const some of iterator) for (const one of some) found.add(name(one));
    return sorted(found);
  };
  equal(await collect(r.scanIterator({ MATCH: 'scan:*', COUNT: 37 }), (key) => key), sorted(keys));
  equal(await collect(r.hScanIterator('sh'), (entry) => entry.field), sorted(keys));
  equal(await collect(r.sScanIterator('ss'), (member) => member), sorted(keys));
  equal(await collect(r.zScanIterator('sz'), (entry) => entry.value), sorted(keys));
}

async function others() {
  await r.rPush('unsorted', ['3', '1', '2']);
  equal(await r.sort('unsorted', { DIRECTION: 'DESC' }), ['3', '2', '1']);
  const dumped = await r.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).dump('unsorted');
  equal(await r.restore('restored', 0, dumped), 'OK');
  equal(await r.lRange('restored', 0, -1), ['3', '1', '2']);
  equal(await r.clientSetName('tester'), 'OK');
  equal(await r.clientGetName(), 'tester');
  equal((await r.clientInfo()).name, 'tester');
  equal((await r.role()).role, 'master');
  equal((await r.commandCount()) > 200, true);
  equal({ ...(await r.configGet('appendonly')) }, { appendonly: 'yes' });
}

await run(`node-redis ${version}, RESP${RESP}`, () => r.flushAll(), [strings, hashes, lists, sets,
  sortedSets, bitmaps, hyperloglogs, geography, pubsub, transactions, pipelines, blocking, iterators,
  others]);
r.destroy();
