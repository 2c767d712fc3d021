"""A real RTSP server for tests: GStreamer's, on loopback, serving one H.264 clip to each client from its first frame.

Run with the system's Python, whose packages hold the bindings (Debian: gir1.2-gst-rtsp-server-1.0 python3-gi
gstreamer1.0-plugins-base -good -bad -ugly). Prints the port it listens on when it is ready, and serves until killed.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

LAUNCH = "( filesrc location={clip} ! tsdemux ! h264parse ! rtph264pay name=pay0 pt=96 )"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", help="H.264 in an MPEG transport stream; it may change its size along the way")
    parser.add_argument("--port", default="0", help="0 lets the system choose")
    parser.add_argument("--only", choices=["tcp", "udp"], help="refuse the other transport")
    parser.add_argument("--login", metavar="USER:PASSWORD", help="ask for it (basic authentication)")
    return parser.parse_args()


def require_login(server: "GstRtspServer.RTSPServer", factory: "GstRtspServer.RTSPMediaFactory", login: str) -> None:
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(*login.split(":", 1)), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("viewer")
    for permission in ("access", "construct"):
        permissions.add_permission_for_role("viewer", f"media.factory.{permission}", True)
    factory.set_permissions(permissions)


def main() -> None:
    arguments = parse_arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)

    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH.format(clip=arguments.clip))
    if arguments.only:
        factory.set_protocols(getattr(GstRtsp.RTSPLowerTrans, arguments.only.upper()))
    if arguments.login:
        require_login(server, factory, arguments.login)
    server.get_mount_points().add_factory("/clip", factory)

    if server.attach(None) == 0:
        sys.exit(f"cannot listen on port {arguments.port}")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
