// Runs the families of a client one after the other, each in an empty server.

import assert from 'node:assert/strict';

export const port = Number(process.env.BACKLOGD_PORT);
export const equal = assert.deepStrictEqual;
export const numbered = (count, name) => Array.from({ length: count }, (_, i) => name(i));
export const sorted = (strings) => [...strings].sort();

// Waits until `reached` holds, which only another process can bring about.
export async function until(reached) {
  while (!(await reached())) await new Promise(setImmediate);
}

export async function run(client, flush, families) {
  for (const family of families) {
    await flush();
    await family();
    console.log(`${client}: ${family.name}`);
  }
}
