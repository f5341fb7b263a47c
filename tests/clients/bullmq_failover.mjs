// BullMQ through a failover by Sentinel. The old primary comes back as a replica.
//
// Jobs are taken for added once a replica has them. Where WAIT tells so, what replicas lack of the
// rest has not happened when the primary is killed: jobs that have run since then run again. Where
// the server replies to nothing before a replica has it, there is no such rest.

import Redis from 'ioredis';
import { byPriority, everyKind } from './bullmq_jobs.mjs';
import { kill, ports, start, until } from './control.mjs';

const sentinels = process.env.BACKLOGD_SENTINELS.split(',').map((port) => (
  { host: '127.0.0.1', port: Number(port) }));
const connection = {
  sentinels, name: 'jobs', maxRetriesPerRequest: null, retryStrategy: () => 50,
  sentinelRetryStrategy: () => 50,
};
const client = new Redis(connection);
client.on('error', () => { /* It connects again. */ });
const asked = sentinels.map(({ port }) => new Redis(port));
const primaries = () => Promise.all(asked.map(async (sentinel) => (
  Number((await sentinel.sentinel('get-master-addr-by-name', 'jobs'))[1]))));

const byServer = process.env.BACKLOGD_SAFE === 'by the server';

async function durable() {
  if (byServer) return true;
  await client.set('acknowledged', '?');
  return (await client.wait(1, 1000)) === 1;
}

// The old primary comes back when every Sentinel names the new one: it takes itself for the primary
// until it is told, and what a client writes there is lost.
async function failOver(count = () => 0) {
  const [failed] = await primaries();
  const safe = count();
  await until('what was written is durable', durable);
  await kill(ports.indexOf(failed));
  const undone = byServer ? undefined : count() - safe;
  await until('a failover', async () => !(await primaries()).includes(failed));
  await start(ports.indexOf(failed));
  return undone;
}

await everyKind(connection, failOver, durable);
await until('the old primary follows', async () => {
  const replicas = /connected_slaves:(\d+)/.exec(await client.info('replication'))[1];
  return Number(replicas) === ports.length - 1;
});
await byPriority(connection, failOver);
client.disconnect();
asked.forEach((sentinel) => sentinel.disconnect());
