import { Counter, Gauge, type Registry } from 'prom-client';

/** A number for each value of a label. */
export type Sums = Readonly<Record<string, number>>;
/** The values of the labels, in their order, and the number. */
export type Row = readonly [...values: string[], number: number];

type Read<T> = () => T | Promise<T>;

const PREFIX = 'fleetseed_';

/**
 * Makes metrics whose numbers are read at each scrape and kept nowhere else. A counter is what only
 * grows, as its source says; one whose source has nothing to say shows nothing.
 */
export class MetricMaker {
  constructor(private readonly registry: Registry) {}

  gauge(name: string, help: string, read: Read<number | null>): void {
    this.gaugeTable(name, help, [], async () => alone(await read()));
  }

  gauges(name: string, help: string, label: string, read: Read<Sums>): void {
    this.gaugeTable(name, help, [label], async () => Object.entries(await read()));
  }

  counter(name: string, help: string, read: Read<number | null>): void {
    this.counterTable(name, help, [], async () => alone(await read()));
  }

  counters(name: string, help: string, label: string, read: Read<Sums>): void {
    this.counterTable(name, help, [label], async () => Object.entries(await read()));
  }

  gaugeTable(name: string, help: string, labels: readonly string[], read: Read<Row[]>): void {
    new Gauge({
      ...this.#describe(name, help, labels),
      async collect() {
        const rows = await read();
        this.reset();
        // A gauge without labels would be 0 when there is nothing to say.
        if (rows.length === 0 && labels.length === 0) this.remove();
        for (const row of rows) this.set(labelled(labels, row), numberOf(row));
      },
    });
  }

  counterTable(name: string, help: string, labels: readonly string[], read: Read<Row[]>): void {
    new Counter({
      ...this.#describe(name, help, labels),
      async collect() {
        const rows = await read();
        this.reset();
        if (rows.length === 0 && labels.length === 0) this.remove();
        for (const row of rows) this.inc(labelled(labels, row), numberOf(row));
      },
    });
  }

  #describe(name: string, help: string, labels: readonly string[]) {
    return { name: PREFIX + name, help, labelNames: [...labels], registers: [this.registry] };
  }
}

function alone(number: number | null): Row[] {
  return number === null ? [] : [[number]];
}

function labelled(labels: readonly string[], row: Row): Record<string, string> {
  return Object.fromEntries(labels.map((label, index) => [label, String(row[index])]));
}

function numberOf(row: Row): number {
  return row.at(-1) as number;
}
