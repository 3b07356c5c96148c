// Takes every recipient and makes each message a file: Return-Path, a Delivered-To for each recipient, and the octets as
// they came. A message is in its file before its 250 leaves. Asks no name server about the client.
'use strict';

const fs = require('fs');
const path = require('path');

const folder = process.env.KEEP_FOLDER;
let count = 0;

exports.hook_lookup_rdns = (next) => next(OK, 'client.test');

exports.hook_rcpt = (next) => next(OK);

exports.hook_queue = (next, connection) => {
    const { transaction } = connection;
    const fields = [`Return-Path: ${transaction.mail_from.format()}\r\n`];
    for (const recipient of transaction.rcpt_to) fields.push(`Delivered-To: ${recipient.format()}\r\n`);
    count += 1;
    const file = fs.createWriteStream(path.join(folder, String(count).padStart(8, '0')));
    file.on('error', (error) => next(DENYSOFT, error.message));
    file.on('finish', () => next(OK));
    file.write(fields.join(''));
    transaction.message_stream.pipe(file);
};
