import { hash } from 'node:crypto';

import { scratchBlock } from './file-stretch.ts';
import { BLOCK, LEAF, reduce } from './merkle-nodes.ts';

let leafRoom = Buffer.alloc(0);

/** Collects leaves and reduces them to nodes of so many leaves each. */
export class NodeWriter {
  private readonly nodes: Buffer;
  private readonly leavesPerNode: number;
  private readonly leaves: Buffer;
  private at = 0;
  private held = 0;

  constructor(nodes: Buffer, leavesPerNode: number) {
    this.nodes = nodes;
    this.leavesPerNode = leavesPerNode;
    const room = (leavesPerNode + 1) * LEAF;
    if (leafRoom.length < room) leafRoom = Buffer.allocUnsafeSlow(room);
    this.leaves = leafRoom;
  }

  /** Takes the first `count` bytes of the scratch buffer. */
  take(count: number): void {
    for (let block = 0; block * BLOCK < count; block++) {
      const whole = scratchBlock(block);
      const left = count - block * BLOCK;
      const bytes = left < BLOCK ? whole.subarray(0, left) : whole;
      this.leaves.write(hash('sha256', bytes, 'binary'), this.held * LEAF, LEAF, 'latin1');
      this.held++;
      if (this.held === this.leavesPerNode) this.close(this.leavesPerNode);
    }
  }

  /** A file that is shorter than a node is a tree of its own width. */
  endFile(fileLength: number): void {
    if (this.held === 0) return;
    let width = this.leavesPerNode;
    if (fileLength < width * BLOCK) for (width = 1; width < this.held;) width *= 2;
    this.close(width);
  }

  private close(width: number): void {
    this.at += reduce(this.leaves, this.held, width).copy(this.nodes, this.at);
    this.held = 0;
  }
}
