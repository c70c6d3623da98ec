"""A camera that is not there: GStreamer's RTSP server, for Debian's own Python (gi is in no virtual environment).

Usage: /usr/bin/python3 gst_server.py FILM FORM [user:password [port]], a form of `FORMS`. Prints its port; at /cam
each reader gets the film from its beginning.
"""

from __future__ import annotations

import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402  # after their versions

JPEG = "video/x-raw,format=I420,width=160,height=120,framerate=10/1 ! jpegenc ! rtpjpegpay name=pay0 pt=26"
FORMS = {
    "h264": "filesrc location={film} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1",
    "h265": "filesrc location={film} ! qtdemux ! h265parse ! rtph265pay name=pay0 pt=96 config-interval=1",
    "changing": "filesrc location={film} ! tsdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "snow": f"videotestsrc is-live=true pattern=snow ! {JPEG}",
    "still": f"videotestsrc is-live=true pattern=checkers-8 ! {JPEG}",
    "standing": "multifilesrc location={film} loop=true ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1",
}
"""changing: of an MPEG transport stream, whose pictures may change their size within one session; snow, still: of no
film, each picture another one, or all the same; standing: of a raw .h264 file, its time stamps do not rise."""


def main(film: str, form: str, login: str = "", port: str = "0") -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_shared(False)  # a shared film that has ended gives the next reader nothing
    factory.set_launch(f"( {FORMS[form].format(film=film)} )")
    server.get_mount_points().add_factory("/cam", factory)
    if login:
        allow(factory)
        server.set_auth(digest(*login.split(":", 1)))
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def allow(factory: Any) -> None:
    """Only who has logged in."""
    rights = GstRtspServer.RTSPPermissions()
    rights.add_role("viewer")
    for right in (GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT):
        rights.add_permission_for_role("viewer", right, True)
    factory.set_permissions(rights)


def digest(user: str, password: str) -> Any:
    """As cameras ask for it."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_digest(user, password, token)
    return auth


if __name__ == "__main__":
    main(*sys.argv[1:])
