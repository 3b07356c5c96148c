//! A server that says the first content is taken before it has read it, and then drops it: nobody counts as delivered for that
//! word, in whatever manner the content is sent.

use super::servers::{Server, gone, tls};
use super::{Desk, to};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Until the kernels have taken what they take of a content that nobody reads.
const UNREAD: Duration = Duration::from_millis(300);

struct Hasty {
    offers: &'static str,
    /// The first content was there.
    warned: AtomicBool,
}

impl Hasty {
    fn serve(self: Arc<Self>, encrypted: bool) -> Server {
        let config = tls();
        Server::serving(TcpListener::bind("127.0.0.1:0").unwrap(), move |server, stream, _| {
            if encrypted {
                let tls = rustls::ServerConnection::new(config.clone()).unwrap();
                self.session(server, BufReader::new(rustls::StreamOwned::new(tls, stream)))
            } else {
                self.session(server, BufReader::new(stream))
            }
        })
    }

    fn session<S: Read + Write>(&self, server: &Server, mut from: BufReader<S>) -> std::io::Result<()> {
        say(&mut from, "220 mx.test ESMTP")?;
        loop {
            let line = line(&mut from)?;
            let verb = line.split([' ', '\r']).next().unwrap_or_default();
            server.change(|seen| seen.commands.push(line.trim_end().to_owned()));
            match verb {
                "EHLO" => say(&mut from, &format!("250-mx.test\r\n{}250 8BITMIME", self.offers))?,
                "MAIL" => say(&mut from, "250 2.1.0 ok")?,
                "RCPT" => say(&mut from, "250 2.1.5 ok")?,
                "DATA" => {
                    say(&mut from, "354 go")?;
                    self.content(server, &mut from, None)?;
                }
                "BDAT" => self.content(server, &mut from, line.split(' ').nth(1).and_then(|n| n.parse().ok()))?,
                "QUIT" => {
                    say(&mut from, "221 bye")?;
                    return Err(gone());
                }
                _ => say(&mut from, "250 2.0.0 fine")?,
            }
        }
    }

    fn content<S: Read + Write>(
        &self,
        server: &Server,
        from: &mut BufReader<S>,
        octets: Option<u64>,
    ) -> std::io::Result<()> {
        let hasty = !self.warned.swap(true, Ordering::SeqCst);
        if hasty {
            std::thread::sleep(UNREAD);
            say(from, "250 2.0.0 taken")?;
            std::thread::sleep(UNREAD);
        }
        match octets {
            Some(octets) => drop(std::io::copy(&mut from.take(octets), &mut std::io::sink())?),
            None => while line(from)? != ".\r\n" {},
        }
        if !hasty {
            server.change(|seen| seen.messages += 1);
            say(from, "250 2.0.0 taken")?;
        }
        Ok(())
    }
}

fn line<S: Read + Write>(from: &mut BufReader<S>) -> std::io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 { Err(gone()) } else { Ok(line) }
}

fn say<S: Read + Write>(to: &mut BufReader<S>, reply: &str) -> std::io::Result<()> {
    write!(to.get_mut(), "{reply}\r\n")?;
    to.get_mut().flush()
}

#[test]
fn a_word_that_comes_before_the_content_is_there_delivers_nobody() {
    // Given out whole, where the peer has not got all of it; and in slices.
    for rows in [3_000, 30_000] {
        for encrypted in [false, true] {
            for offers in ["", "250-PIPELINING\r\n", "250-PIPELINING\r\n250-CHUNKING\r\n"] {
                let server = Arc::new(Hasty { offers, warned: AtomicBool::new(false) }).serve(encrypted);
                let desk = Desk::new(1);
                desk.put(
                    "w.txt",
                    &"a line of a long letter, of which there are many, one like the other.\n".repeat(rows),
                );
                let tls = if encrypted { "[smarthost]\ntls = \"implicit\"\n" } else { "" };
                let said = desk.delivers(&format!("{}retry = [\"1s\"]\n{tls}", to(server.address)));
                let seen = server.seen();
                assert_eq!(seen.messages, 1, "{rows} {encrypted} {offers:?}: {said}{:?}", seen.commands);
            }
        }
    }
}
