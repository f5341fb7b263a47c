// Asks whoever started this program to kill a server, or to start it again: see server.py.

import { createInterface } from 'node:readline';

const { stdin } = process;
const answers = createInterface({ input: stdin })[Symbol.asyncIterator]();
stdin.unref();

async function order(line) {
  // The program ends when nothing but this is left, unless an answer is waited for.
  stdin.ref();
  process.stdout.write(`${line}\n`);
  const { value } = await answers.next();
  if (value !== 'done') throw new Error(`${line}: answered ${value}`);
  stdin.unref();
}

export const ports = process.env.BACKLOGD_PORTS.split(',').map(Number);
export const kill = (server) => order(`kill ${server}`);
export const start = (server) => order(`start ${server}`);

export async function crash(server) {
  await kill(server);
  await start(server);
}

// Waits until `reached` holds, which only another process can bring about.
export async function until(what, reached) {
  const deadline = Date.now() + 60_000;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`not reached within 60 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
