"""A name server on a free loopback port that knows no name. Prints its address; ends with the process that it is told."""

import os
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(1)
print("127.0.0.1:%d" % server.getsockname()[1], flush=True)
parent = int(sys.argv[1])
while os.path.exists("/proc/%d" % parent):
    try:
        packet, client = server.recvfrom(1500)
    except socket.timeout:
        continue
    # An answer, recursion available, no such name (RFC 1035 section 4.1.1).
    server.sendto(packet[:2] + b"\x81\x83" + packet[4:], client)
