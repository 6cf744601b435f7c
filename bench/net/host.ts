import { command, type Words } from './command.ts';
import { Program } from './program.ts';
import { undoAtExit } from './undo.ts';

/** The one interface of a host, apart from loopback. */
export const INTERFACE = 'eth0';

let made = 0;

/** A machine: a network namespace with its own loopback, interface and address. */
export class Host {
  readonly #remove: () => void;
  readonly #programs: Program[] = [];
  readonly name: string;
  readonly address: string;
  readonly namespace: string;

  constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
    this.namespace = `fleetseed-bench-${process.pid}-${made++}`;
    command('ip', 'netns', 'add', this.namespace);
    this.#remove = undoAtExit(() => command('ip', 'netns', 'delete', this.namespace));
    this.ip('link', 'set', 'lo', 'up');
  }

  ip(...words: Words): void {
    command('ip', '-netns', this.namespace, ...words);
  }

  /** Gives the interface its address, once it is there. */
  connect(): void {
    this.ip('address', 'add', `${this.address}/16`, 'dev', INTERFACE);
    this.ip('link', 'set', INTERFACE, 'up');
  }

  start(name: string, words: Words): Program {
    const inside = ['ip', 'netns', 'exec', this.namespace, ...words.flat()];
    const program = new Program(`${name} on ${this.name}`, inside);
    this.#programs.push(program);
    return program;
  }

  /** Runs a program here to its end. @returns its stdout. */
  async run(name: string, words: Words, timeoutMs = 120_000): Promise<string> {
    return this.start(name, words).finished(timeoutMs);
  }

  /** Bytes that an interface sent and received so far, headers included. */
  traffic(device = INTERFACE): { sent: number; received: number } {
    const folder = `/sys/class/net/${device}/statistics`;
    const inside = ['netns', 'exec', this.namespace];
    const read = (counter: string) => Number(command('ip', inside, 'cat', `${folder}/${counter}`));
    return { sent: read('tx_bytes'), received: read('rx_bytes') };
  }

  /** Ends what runs here, and the host. */
  async remove(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop()));
    this.#remove();
  }
}
