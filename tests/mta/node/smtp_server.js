// npm's smtp-server with everything as it comes, on a port of loopback that the system chooses. Each message becomes a
// file in the folder given: Return-Path, a Delivered-To for each recipient, and the octets as they came.
//
// The first line it writes is `listening on 127.0.0.1:PORT`. A message is in its file before its 250 leaves.
'use strict';

const fs = require('fs');
const path = require('path');
const { SMTPServer } = require(path.join(process.argv[3], 'smtp-server'));

const folder = process.argv[2];
let count = 0;

const server = new SMTPServer({
    authOptional: true,
    logger: false,
    maxClients: Infinity,
    disableReverseLookup: true,
    onData(stream, session, done) {
        const parts = [];
        stream.on('data', (part) => parts.push(part));
        stream.on('end', () => {
            const { mailFrom, rcptTo } = session.envelope;
            const fields = [`Return-Path: <${mailFrom.address}>\r\n`];
            for (const recipient of rcptTo) fields.push(`Delivered-To: <${recipient.address}>\r\n`);
            count += 1;
            const name = path.join(folder, String(count).padStart(8, '0'));
            fs.writeFileSync(name, Buffer.concat([Buffer.from(fields.join('')), ...parts]));
            done();
        });
    },
});
server.on('error', (error) => console.error(error.message));
server.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.server.address().port}`));
