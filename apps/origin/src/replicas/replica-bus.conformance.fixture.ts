import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { MAX_BUS_TEXT, type ReplicaBus } from './replica-bus.js';

/** What a bus has heard, with the senders' places in the list of buses. */
export class Heard {
  readonly texts: string[] = [];

  constructor(bus: ReplicaBus, buses: readonly ReplicaBus[]) {
    bus.subscribe((text, from) => {
      this.texts.push(`${buses.findIndex(({ self }) => self === from)}:${text}`);
    });
  }

  /** In an order that does not depend on who was faster. */
  get sorted(): string[] {
    return this.texts.toSorted();
  }
}

/**
 * What {@link ReplicaBus} promises, for each implementation.
 * @param open as many buses as are asked for, of one fleet; they are closed here
 */
export function describeReplicaBus(
  name: string,
  open: (count: number) => Promise<readonly ReplicaBus[]>,
): void {
  describe(`${name} as a ReplicaBus`, () => {
    let buses: readonly ReplicaBus[];
    let heard: Heard[];
    beforeEach(async () => {
      buses = await open(3);
      heard = buses.map((bus) => new Heard(bus, buses));
    });
    afterEach(async () => {
      await Promise.all(buses.map((bus) => bus.close()));
    });

    it('carries a text to all others, and not to its sender', async () => {
      expect(buses.every(({ isUp }) => isUp)).toBe(true);
      expect(new Set(buses.map(({ self }) => self)).size).toBe(3);
      buses[0]!.publish('to all');
      buses[1]!.publish('me too');
      await expect.poll(() => heard[0]!.sorted).toEqual(['1:me too']);
      await expect.poll(() => heard[1]!.sorted).toEqual(['0:to all']);
      await expect.poll(() => heard[2]!.sorted).toEqual(['0:to all', '1:me too']);
    });

    it('carries a text to the one that is meant', async () => {
      buses[0]!.publish('for you', buses[2]!.self);
      buses[0]!.publish('for nobody', '00000000-0000-0000-0000-000000000000');
      buses[0]!.publish('end');
      await expect.poll(() => heard[2]!.texts).toEqual(['0:for you', '0:end']);
      await expect.poll(() => heard[1]!.sorted).toEqual(['0:end']);
    });

    it('keeps the order of each sender', async () => {
      const texts = Array.from({ length: 200 }, (_, index) => `text ${index}`);
      for (const text of texts) buses[0]!.publish(text);
      await expect.poll(() => heard[1]!.texts).toEqual(texts.map((text) => `0:${text}`));
    });

    it('delivers never while it publishes', async () => {
      buses[0]!.publish('now');
      expect(heard[1]!.texts).toEqual([]);
      await expect.poll(() => heard[1]!.sorted).toEqual(['0:now']);
    });

    it('carries texts of any characters up to its bound, and refuses longer ones', async () => {
      const longest = '\u0000é\n😀'.padEnd(MAX_BUS_TEXT, 'x');
      buses[0]!.publish(longest);
      await expect.poll(() => heard[1]!.sorted).toEqual([`0:${longest}`]);
      expect(() => buses[0]!.publish(`${longest}x`)).toThrow(RangeError);
    });

    it('is silent for who does not listen any more, and after it was closed', async () => {
      const texts: string[] = [];
      const end = buses[1]!.subscribe((text) => texts.push(text));
      end();
      await buses[2]!.close();
      buses[2]!.publish('from the other side');
      buses[0]!.publish('anybody?');
      await expect.poll(() => heard[1]!.sorted).toEqual(['0:anybody?']);
      expect(texts).toEqual([]);
      expect(heard[2]!.texts).toEqual([]);
    });
  });
}
