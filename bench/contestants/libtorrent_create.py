"""Makes a .torrent of a file or folder: PATH OUT FORMAT PIECE_LENGTH."""

import os
import sys

import libtorrent as lt

path, out, kind, piece_length = sys.argv[1:]
flags = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}[kind]
files = lt.file_storage()
lt.add_files(files, path)
torrent = lt.create_torrent(files, int(piece_length), flags)
lt.set_piece_hashes(torrent, os.path.dirname(path))
with open(out, "wb") as file:
    file.write(lt.bencode(torrent.generate()))
