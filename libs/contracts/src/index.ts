export * from './errors/error-codes.js';
export * from './errors/fleetseed.error.js';
export * from './errors/problem.js';
