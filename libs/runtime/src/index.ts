export * from './clock.js';
export * from './deadline.js';
export * from './durable-file.js';
export * from './logger.js';
export * from './product-version.js';
export * from './random.js';
export * from './retry.js';
export * from './side-by-side.js';
