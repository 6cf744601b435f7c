export * from './depot.js';
export * from './depot-identity.js';
export * from './depot-key.js';
export * from './stores/layout.js';
export type { ContentSource } from './stores/content-source.js';
export { emptyContent, MemoryDepot, type MemoryDepotContent } from './memory/memory-depot.js';
