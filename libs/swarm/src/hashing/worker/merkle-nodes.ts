import { hash } from 'node:crypto';

/** A block of BEP 52, bytes, and the hash that stands for it in the tree. */
export const BLOCK = 16_384;
export const LEAF = 32;

const pads: Buffer[] = [Buffer.alloc(LEAF)];

/** The node that stands for a missing one (BEP 52): zeros for a leaf, two of those below above. */
function padAt(layer: number): Buffer {
  for (let known = pads.length; known <= layer; known++) {
    pads.push(hash('sha256', Buffer.concat([pads[known - 1]!, pads[known - 1]!]), 'buffer'));
  }
  return pads[layer]!;
}

export function rootOf(leaves: Buffer, width: number): Buffer {
  const nodes = Buffer.alloc(leaves.length + LEAF);
  leaves.copy(nodes);
  const root = Buffer.alloc(LEAF);
  reduce(nodes, leaves.length / LEAF, width).copy(root);
  return root;
}

/**
 * The root over `count` nodes, padded with zero leaves to `width`. Parents overwrite the nodes from
 * the front; there must be room for one node more.
 */
export function reduce(nodes: Buffer, count: number, width: number): Buffer {
  if (count === 0 || width < count || (width & (width - 1)) !== 0) {
    throw new RangeError(`${count} leaves do not fit a tree of ${width}.`);
  }
  for (let left = count, layer = 0; width >> layer > 1; layer++) {
    if (left % 2 === 1) padAt(layer).copy(nodes, left++ * LEAF);
    left /= 2;
    for (let pair = 0; pair < left; pair++) {
      const children = nodes.subarray(pair * 2 * LEAF, (pair + 1) * 2 * LEAF);
      nodes.write(hash('sha256', children, 'binary'), pair * LEAF, LEAF, 'latin1');
    }
  }
  return nodes.subarray(0, LEAF);
}
