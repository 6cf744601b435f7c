"""Makes and loads torrents with libtorrent, an implementation that shares nothing with ours.

Reads a JSON list of cases on stdin, writes a JSON list of answers on stdout. A case names a folder
with the content, the files in the order in which libtorrent shall be given them, and optionally a
.torrent of ours to load.
"""

import json
import os
import sys

import libtorrent as lt


def create(case):
    storage = lt.file_storage()
    for file in case["files"]:
        path = case["name"] if case["single"] else "/".join([case["name"], *file["path"]])
        if file["symlink"] is not None:
            target = "/".join(file["symlink"])
            storage.add_file(path, 0, lt.file_flags_t.flag_symlink, 0, target)
        else:
            flags = lt.file_flags_t.flag_executable if file["executable"] else 0
            storage.add_file(path, file["length"], flags)
    formats = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}
    flags = formats[case["format"]] | lt.create_torrent.symlinks
    torrent = lt.create_torrent(storage, case["pieceLength"], flags)
    torrent.set_priv(True)
    lt.set_piece_hashes(torrent, case["folder"])
    made = torrent.generate()
    return {
        "info": lt.bencode(made[b"info"]).hex(),
        "layers": lt.bencode(made.get(b"piece layers", {})).hex(),
        "torrent": lt.bencode(made).hex(),
    }


def load(path):
    info = lt.torrent_info(path)
    storage = info.files()
    hashes = info.info_hashes()
    files = []
    for index in range(storage.num_files()):
        flags = storage.file_flags(index)
        if flags & lt.file_flags_t.flag_pad_file:
            continue
        files.append(
            {
                "path": storage.file_path(index),
                "length": storage.file_size(index),
                "executable": bool(flags & lt.file_flags_t.flag_executable),
                "symlink": storage.symlink(index) or None,
            }
        )
    return {
        "v1": str(hashes.v1) if hashes.has_v1() else None,
        "v2": str(hashes.v2) if hashes.has_v2() else None,
        "private": info.priv(),
        "pieces": info.num_pieces(),
        "files": files,
    }


def answer(case):
    made = create(case) if case["create"] else None
    return {"made": made, "loaded": load(os.path.join(case["folder"], "ours.torrent"))}


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
