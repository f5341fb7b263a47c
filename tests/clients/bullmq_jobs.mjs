// Jobs of every kind that BullMQ has, through the end of the server in their midst.
//
// BullMQ runs a job twice if the server goes away while one is handed out or is noted as done: as
// many as run at once. None is completed twice, and none is lost.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { FlowProducer, Queue, Worker } from 'bullmq';
import Redis from 'ioredis';
import { until } from './control.mjs';

const require = createRequire(import.meta.url);
const versions = `bullmq ${require('bullmq/package.json').version}, `
  + `ioredis ${require('ioredis/package.json').version}`;

const RUN_AT_ONCE = 8;
const PLAIN = 120;
const PRIORITIES = 40;
const DELAYED = 30;
const FAIL_ONCE = 20;
const FLOWS = 10;
const CHILDREN = 4;
const LATE = 30;
const BEATS = 15;
const TOTAL = PLAIN + PRIORITIES + DELAYED + FAIL_ONCE + FLOWS * (1 + CHILDREN) + LATE + BEATS;

// A job whose end the server refuses to note, as it does while it lacks replicas, has failed.
const opts = { attempts: 5, backoff: { type: 'fixed', delay: 200 } };
const numbers = (count) => Array.from({ length: count }, (_, number) => number);
const quiet = (one) => one.on('error', () => { /* Connections end here; what follows is checked. */ });

// A worker that notes every run, and fails what says so the first time.
class Runs {
  constructor(connection) {
    this.counts = new Map();
    this.early = [];
    this.orphans = [];
    this.worker = quiet(new Worker('work', (job) => this.run(job), {
      connection, concurrency: RUN_AT_ONCE, lockDuration: 5000, stalledInterval: 1000,
    }));
  }

  async run(job) {
    this.counts.set(job.id, (this.counts.get(job.id) ?? 0) + 1);
    if (job.name === 'delayed' && Date.now() < job.timestamp + job.data.delay) {
      this.early.push(job.data);
    }
    await pause(10);
    if (job.name === 'fails once' && job.attemptsMade === 0) throw new Error('the first attempt');
    if (job.name !== 'parent') return job.data.number ** 2;
    const values = Object.values(await job.getChildrenValues());
    if (values.length !== CHILDREN) this.orphans.push(job.data);
    return values.reduce((sum, value) => sum + value, 0);
  }

  count() {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }
}

async function addAll(queue, flows) {
  const several = (name, count, more = () => ({})) => queue.addBulk(numbers(count).map((number) => (
    { name, data: { number, ...more(number) }, opts: { ...opts, ...more(number) } })));
  await several('plain', PLAIN);
  await several('priority', PRIORITIES, (number) => ({ priority: 1 + (number % 10) }));
  await several('delayed', DELAYED, (number) => ({ delay: 1 + number * 100 }));
  await several('fails once', FAIL_ONCE);
  await flows.addBulk(numbers(FLOWS).map((number) => ({
    name: 'parent',
    queueName: 'work',
    data: { number },
    opts,
    children: numbers(CHILDREN).map((child) => ({
      name: 'child', queueName: 'work', data: { number: number + child }, opts,
    })),
  })));
  await queue.upsertJobScheduler('beat', { every: 200, limit: BEATS },
    { name: 'beat', data: { number: 7 }, opts });
}

// Adds jobs while the server is away too. ioredis asks again for what had no reply; a job that has
// a name is added once even so.
async function addLate(queue, durable) {
  for (const number of numbers(LATE)) {
    const add = () => queue.add('late', { number }, { ...opts, jobId: `late-${number}` });
    await until('a job is added', () => add().then(durable, () => false));
    await pause(20);
  }
}

async function checkOutcomes(queue, runs, client) {
  const jobs = await queue.getCompleted(0, -1);
  const sums = numbers(FLOWS).map((number) => numbers(CHILDREN)
    .reduce((sum, child) => sum + (number + child) ** 2, 0));
  for (const job of jobs) {
    const { number } = job.data;
    assert.equal(job.returnvalue, job.name === 'parent' ? sums[number] : number ** 2, job.name);
  }
  assert.deepEqual(runs.early, [], 'ran before their time');
  assert.equal(new Set(jobs.map((job) => job.id)).size, TOTAL);
  const events = await client.xrange('bull:work:events', '-', '+');
  const completed = events.map(([, fields]) => fields)
    .filter((fields) => fields[fields.indexOf('event') + 1] === 'completed')
    .map((fields) => fields[fields.indexOf('jobId') + 1]);
  assert.equal(completed.length, new Set(completed).size, 'a job was completed twice');
  return completed.length;
}

// `crash(count)` ends the server in the midst of it all. If the data goes back to an earlier time by
// that, it returns how many runs were counted since then, which may be made again. `durable` tells
// whether what was added before is where no crash takes it.
export async function everyKind(connection, crash, durable = () => true) {
  const queue = quiet(new Queue('work', { connection }));
  const flows = quiet(new FlowProducer({ connection }));
  const client = quiet(new Redis(connection));
  await addAll(queue, flows);
  await until('the jobs are durable', durable);
  const runs = new Runs(connection);
  await until('a third has run', () => runs.count() > TOTAL / 3);
  const before = runs.count();
  const late = addLate(queue, durable);
  const undone = await crash(() => runs.count());
  await late;
  const counts = () => queue.getJobCounts('completed', 'failed', 'wait', 'active', 'delayed',
    'prioritized', 'waiting-children');
  await until('every job is done', async () => {
    const { completed, failed, ...others } = await counts();
    assert.equal(failed, 0, 'jobs have failed');
    return completed === TOTAL && Object.values(others).every((count) => count === 0);
  }).catch(async (error) => {
    console.log(TOTAL, await counts());
    throw error;
  });
  const completed = await checkOutcomes(queue, runs, client);
  const again = runs.count() - TOTAL - FAIL_ONCE;
  const againMax = RUN_AT_ONCE + (undone ?? 0);
  assert.ok(again >= 0 && again <= againMax, `${again} ran again, where ${againMax} may`);
  // A parent that ran before may, as it runs, have children that are not done any more.
  if (undone === undefined) assert.deepEqual(runs.orphans, [], 'ran before their children');
  console.log(`${versions}: everyKind, ${TOTAL} jobs, killed after ${before} runs; none lost, `
    + `${again} ran again, ${completed} told as completed`);
  await Promise.all([runs.worker.close(), queue.close(), flows.close(), client.quit()]);
}

// What waits by priority is in that order after the crash too, and first come first served.
export async function byPriority(connection, crash) {
  const queue = quiet(new Queue('ordered', { connection }));
  const priorities = numbers(40).map((number) => 1 + ((number * 7) % 5));
  await queue.addBulk(priorities.map((priority, number) => ({
    name: 'ordered', data: { priority, number }, opts: { priority },
  })));
  await crash();
  const seen = [];
  const worker = quiet(new Worker('ordered', async (job) => { seen.push(job.data); }, {
    connection, concurrency: 1,
  }));
  await until('every job has run', () => seen.length === priorities.length);
  const order = [...seen].sort((a, b) => a.priority - b.priority || a.number - b.number);
  assert.deepEqual(seen, order);
  console.log(`${versions}: byPriority, ${seen.length} jobs in order`);
  await Promise.all([worker.close(), queue.close()]);
}
