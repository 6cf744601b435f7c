import { describe } from 'vitest';

import { MemoryStore } from './memory-store.js';
import {
  CONFORMANCE_LENGTH,
  readsAsTheContractSays,
  writesAsTheContractSays,
} from './payload-store.conformance.fixture.js';

describe('MemoryStore', () => {
  const cleanUp = async () => {};
  readsAsTheContractSays(async (payload) => ({ store: new MemoryStore(payload), cleanUp }));
  writesAsTheContractSays(async () => ({ store: new MemoryStore(CONFORMANCE_LENGTH), cleanUp }));
});
