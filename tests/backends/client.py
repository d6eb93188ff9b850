"""Profiles itself with Pyroscope's own client. Arguments: the server's URL and a name."""

import sys
import time

import pyroscope

url, name = sys.argv[1:]
pyroscope.configure(
    application_name=name, server_address=url, tags={"region": "here"}, upload_interval=1
)
turns, end = 0, time.monotonic() + 2.5
while time.monotonic() < end:
    turns += 1
pyroscope.shutdown()
