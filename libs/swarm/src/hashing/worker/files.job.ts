import { hash } from 'node:crypto';

import type { FilesJob, HashJobDone } from '../hash-job.types.js';
import { changed, readStretch, scratchBlock, scratchBuffer } from './file-stretch.ts';
import { NOTHING } from './job-results.ts';
import { BLOCK, LEAF, reduce } from './merkle-nodes.ts';
import { PiecesV1 } from './pieces-v1.ts';

let leafRoom = NOTHING;

/** Collects leaves and reduces them to nodes of so many leaves each. */
class NodeWriter {
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

export function hashFiles(job: FilesJob): HashJobDone {
  const { paths, starts, lengths, fileLengths, leavesPerNode, pieceLengthV1 } = job;
  let nodeCount = 0;
  for (const length of lengths) nodeCount += Math.ceil(length / (leavesPerNode * BLOCK));
  const first = Buffer.alloc(nodeCount * LEAF);
  const signatures = new BigInt64Array(paths.length * 4);
  const buffer = scratchBuffer();
  const nodes = new NodeWriter(first, leavesPerNode);
  const pieces = pieceLengthV1 > 0 ? new PiecesV1(pieceLengthV1) : null;
  const take = (count: number) => {
    nodes.take(count);
    pieces?.update(buffer.subarray(0, count));
  };
  for (const [index, path] of paths.entries()) {
    const end = starts[index]! + lengths[index]!;
    const signature = readStretch(path, starts[index]!, lengths[index]!, take);
    if (signature[0] !== BigInt(fileLengths[index]!)) throw changed(path);
    signatures.set(signature, index * 4);
    nodes.endFile(fileLengths[index]!);
    if (job.padV1 && end === fileLengths[index]) pieces?.pad();
    pieces?.end();
  }
  return { first, second: pieces?.finish() ?? NOTHING, signatures };
}
