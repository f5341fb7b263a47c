// BullMQ through a failover by Sentinel. The old primary comes back as a replica.
//
// Jobs are taken for added once a replica has them. Where WAIT tells so, what replicas lack of the
// rest has not happened when the primary is killed: jobs that have run since then run again. Where
// the server replies to nothing before a replica has it, there is no such rest.

import Redis from 'ioredis';
import { RUN_AT_ONCE, byPriority, everyKind } from './bullmq_jobs.mjs';
import { kill, ports, start, until } from './control.mjs';

const sentinels = process.env.BACKLOGD_SENTINELS.split(',').map((port) => (
  { host: '127.0.0.1', port: Number(port) }));
const connection = {
  sentinels, name: 'jobs', maxRetriesPerRequest: null, retryStrategy: () => 50,
  sentinelRetryStrategy: () => 50,
};
const client = new Redis(connection);
client.on('error', () => { /* It connects again. */ });
const asked = new Redis(sentinels[0].port);

const byServer = process.env.BACKLOGD_SAFE === 'by the server';

async function durable() {
  if (byServer) return true;
  await client.set('acknowledged', '?');
  return (await client.wait(1, 1000)) === 1;
}

async function failOver() {
  const [, failed] = await asked.sentinel('get-master-addr-by-name', 'jobs');
  const server = ports.indexOf(Number(failed));
  await durable();
  await kill(server);
  await until('a failover', async () => {
    const [, now] = await asked.sentinel('get-master-addr-by-name', 'jobs');
    return now !== failed;
  });
  await start(server);
}

await everyKind(connection, failOver, durable, (byServer ? 1 : 4) * RUN_AT_ONCE);
await until('the old primary follows', async () => {
  const replicas = /connected_slaves:(\d+)/.exec(await client.info('replication'))[1];
  return Number(replicas) === ports.length - 1;
});
await byPriority(connection, failOver);
client.disconnect();
asked.disconnect();
