export * from './bencode/bencode.decoder.js';
export * from './bencode/bencode.encoder.js';
export * from './bencode/bencode.types.js';
export * from './metainfo/metainfo.types.js';
