export { BullJobQueue, type BullJobQueueOptions } from './bull/bull-job-queue.js';
export { redisAddressOf, type RedisAddress } from './bull/redis-address.js';
export { probeRedis, type ProbeOptions } from './bull/redis-probe.js';
export { InProcessJobQueue, type InProcessJobQueueOptions } from './in-process-job-queue.js';
export * from './job-queue.js';
