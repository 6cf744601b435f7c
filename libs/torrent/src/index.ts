export * from './bencode/bencode.decoder.js';
export * from './bencode/bencode.encoder.js';
export * from './bencode/bencode.types.js';
export * from './layout/path-rules.js';
export * from './layout/piece-length.js';
export * from './layout/piece-map.js';
export * from './layout/run.table.js';
export * from './layout/v1-stream.js';
export * from './magnet/magnet.js';
export * from './merkle/file-tree-hashes.js';
export * from './merkle/hash-request.js';
export * from './merkle/leaf.hasher.js';
export {
  BLOCK_LENGTH,
  HASH_LENGTH,
  blockCount,
  leafHash,
  merkleRoot,
  nextPowerOfTwo,
  padHash,
  parentLayer,
} from './merkle/merkle.js';
export * from './merkle/merkle.tree.js';
export * from './merkle/piece-v1.hasher.js';
export * from './metainfo/metainfo.builder.js';
export * from './metainfo/metainfo.encoder.js';
export { MAX_METAINFO_BYTES, MAX_PIECES, MAX_TOTAL_LENGTH } from './metainfo/metainfo.limits.js';
export {
  parseInfo,
  parseMetainfo,
  withPieceLayers,
  type ParseOptions,
} from './metainfo/metainfo.parser.js';
export * from './metainfo/metainfo.types.js';
export * from './metainfo/v1-edition.js';
