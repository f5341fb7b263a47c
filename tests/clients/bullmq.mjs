// BullMQ through kill -9 of its server and a restart in place.

import { setTimeout as pause } from 'node:timers/promises';
import { byPriority, everyKind } from './bullmq_jobs.mjs';
import { crash, kill, ports, start } from './control.mjs';

const connection = { port: ports[0], maxRetriesPerRequest: null, retryStrategy: () => 50 };

await byPriority(connection, () => crash(0));
await everyKind(connection, async () => {
  await kill(0);
  await pause(300);
  await start(0);
});
