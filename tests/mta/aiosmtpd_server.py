"""aiosmtpd on a port of loopback that the system chooses, with STARTTLS. Each message becomes a file in the folder given:
Return-Path, a Delivered-To for each recipient, and the octets as they came.

Arguments: the folder, a certificate, its key. The first line it writes is `listening on 127.0.0.1:PORT`. A message is in
its file before its 250 leaves.
"""

import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP

FOLDER, CERTIFICATE, KEY = sys.argv[1:]


class Keep:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        fields = [f"Return-Path: <{envelope.mail_from}>\r\n"]
        fields += [f"Delivered-To: <{recipient}>\r\n" for recipient in envelope.rcpt_tos]
        Keep.count += 1
        content = "".join(fields).encode() + envelope.original_content
        pathlib.Path(FOLDER, f"{Keep.count:08}").write_bytes(content)
        return "250 2.0.0 kept"


async def main():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE, KEY)
    keep = Keep()
    loop = asyncio.get_running_loop()

    def session():
        return SMTP(keep, hostname="aiosmtpd.test", tls_context=tls, enable_SMTPUTF8=True, loop=loop)

    server = await loop.create_server(session, "127.0.0.1", 0, backlog=200)
    print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
