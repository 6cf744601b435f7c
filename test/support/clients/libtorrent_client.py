"""One torrent in libtorrent, as JSON tells in the first argument; prints its figures as JSON lines."""

import json
import os
import signal
import sys
import time

import libtorrent as lt

EVERY_SECONDS = 0.1

options = json.loads(sys.argv[1])
# Rates are in bytes a second, 0 is none.
session = lt.session(
    {
        "listen_interfaces": options["address"] + ":0",
        "outgoing_interfaces": options["address"],
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "allow_multiple_connections_per_ip": True,
        # Plain connections only: 2 is pe_disabled.
        "in_enc_policy": 2,
        "out_enc_policy": 2,
        "min_reconnect_time": 1,
        "peer_connect_timeout": 5,
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.tracker_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.connect_notification
        | lt.alert.category_t.peer_notification,
        "download_rate_limit": options.get("downloadLimit", 0),
        "upload_rate_limit": options.get("uploadLimit", 0),
    }
)
# Peers on loopback and private networks stand in a class of their own, which limits do not touch: all
# are put into the class of everybody.
classes = lt.ip_filter()
classes.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
session.set_peer_class_filter(classes)

if "magnet" in options:
    params = lt.parse_magnet_uri(options["magnet"])
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(options["torrentFile"])
params.save_path = options["folder"]
params.flags &= ~lt.torrent_flags.auto_managed
params.flags &= ~lt.torrent_flags.paused
torrent = session.add_torrent(params)
if "peer" in options:
    torrent.connect_peer((options["peer"]["host"], options["peer"]["port"]))

going = True


def end(*_):
    global going
    going = False


signal.signal(signal.SIGTERM, end)
tracker = ""
# However the tests end: a process without its parent ends too.
parent = os.getppid()
while going and os.getppid() == parent:
    for alert in session.pop_alerts():
        print(f"{alert.what()}: {alert.message()}", file=sys.stderr, flush=True)
        if isinstance(alert, lt.tracker_error_alert):
            tracker = alert.error_message() or alert.message()
        if isinstance(alert, lt.tracker_warning_alert):
            tracker = alert.message()
    status = torrent.status()
    figures = {
        "port": session.listen_port(),
        "complete": status.is_seeding,
        "downloaded": status.total_payload_download,
        "uploaded": status.total_payload_upload,
        "peers": status.num_peers,
        "wasted": status.total_failed_bytes,
        "tracker": tracker,
    }
    if figures["port"] != 0:
        print(json.dumps(figures), flush=True)
    time.sleep(EVERY_SECONDS)
