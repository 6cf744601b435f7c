"""One torrent in libtorrent, as JSON tells in the first argument; a line on stdin starts it.

Prints JSON lines: `ready` when the session runs, `complete` with the seconds it took.
"""

import json
import sys
import time

import libtorrent as lt

MIB = 1024 * 1024

options = json.loads(sys.argv[1])
session = lt.session(
    {
        "listen_interfaces": options["listen"],
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        # Plain connections only: 2 is pe_disabled.
        "in_enc_policy": 2,
        "out_enc_policy": 2,
        "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
        # What high_performance_seed() sets in libtorrent's source, and above that where a fast link gains.
        "max_out_request_queue": 2000,
        "max_allowed_in_request_queue": 4000,
        "request_queue_time": 3,
        "send_buffer_watermark": 16 * MIB,
        "send_buffer_low_watermark": 1 * MIB,
        "send_buffer_watermark_factor": 150,
        "send_not_sent_low_watermark": 512 * 1024,
        "max_queued_disk_bytes": 128 * MIB,
        "recv_socket_buffer_size": 2 * MIB,
        "send_socket_buffer_size": 2 * MIB,
        "connection_speed": 500,
        "connections_limit": 8000,
        "listen_queue_size": 3000,
        "unchoke_slots_limit": -1,
        "allowed_fast_set_size": 0,
        "aio_threads": 4,
        "hashing_threads": 2,
        "mixed_mode_algorithm": 0,
        "checking_mem_usage": 1024,
    }
)


def say(**line):
    print(json.dumps(line, separators=(",", ":")), flush=True)


params = lt.add_torrent_params()
params.ti = lt.torrent_info(options["torrentFile"])
params.save_path = options["folder"]
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
if options["seed"]:
    params.flags |= lt.torrent_flags.seed_mode

say(event="ready")
sys.stdin.readline()
began = time.monotonic()
torrent = session.add_torrent(params)
for address, port in options["peers"]:
    torrent.connect_peer((address, port))

while True:
    session.wait_for_alert(1000)
    for alert in session.pop_alerts():
        if isinstance(alert, lt.torrent_finished_alert):
            say(event="complete", seconds=time.monotonic() - began)
        elif alert.category() & lt.alert.category_t.error_notification:
            print(alert.message(), file=sys.stderr, flush=True)
