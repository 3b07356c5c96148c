//! Where mail goes: said in so many words, by a flag or by the configuration.
//!
//! Guarantees: nothing is sent anywhere by default, and what was said twice in different ways is refused. The built-in
//! receiver is a rehearsal: it never counts as a campaign. Leaves to others: the way there (`engine::directory`), and
//! what a campaign that has begun is held to (`send`).

use super::cli::{CheckArgs, SendArgs};
use super::config::EngineConfig;
use super::config::engine::Route;
use super::config::values::HostPort;
use super::exit::Failure;
use crate::base::many::Many;
use crate::engine::table::MovedFrom;
use serde::Serialize;
use std::fmt;

/// The port of exchangers, which needs no mention.
const SMTP: u16 = 25;

/// What the command line says of it.
#[derive(Clone, Copy, Debug)]
pub struct Flags<'a> {
    sink: bool,
    smarthost: Option<&'a HostPort>,
}

impl<'a> From<&'a SendArgs> for Flags<'a> {
    fn from(args: &'a SendArgs) -> Self {
        Self { sink: args.sink, smarthost: args.smarthost.as_ref() }
    }
}

impl<'a> From<&'a CheckArgs> for Flags<'a> {
    fn from(args: &'a CheckArgs) -> Self {
        Self { sink: args.sink, smarthost: args.smarthost.as_ref() }
    }
}

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a receiver inside this process.
    Sink,
    /// To one server: host and port.
    Smarthost(String, u16),
    /// To the recipients' own servers, found by MX, on this port.
    Exchangers(u16),
}

impl Destination {
    /// What this run was told: the flags go before the file; `None`: nothing.
    ///
    /// # Errors
    /// The configuration names two.
    pub fn told(flags: Flags<'_>, config: &EngineConfig) -> Result<Option<Self>, Failure> {
        if flags.sink {
            return Ok(Some(Self::Sink));
        }
        match flags.smarthost {
            Some(host) => Ok(Some(Self::smarthost(host, config))),
            None => Self::configured(config),
        }
    }

    /// What the configuration says; `None`: nothing.
    ///
    /// # Errors
    /// It names two.
    pub fn configured(config: &EngineConfig) -> Result<Option<Self>, Failure> {
        let delivery = &config.delivery;
        let sink = delivery.sink.then_some((Self::Sink, "delivery.sink = true"));
        let smarthost = delivery.smarthost.as_ref().map(|host| (Self::smarthost(host, config), "delivery.smarthost"));
        let Some(Route::Mx) = delivery.route else { return one_of([sink, smarthost, None]) };
        one_of([sink, smarthost, Some((Self::Exchangers(delivery.port), "delivery.route = \"mx\""))])
    }

    fn smarthost(host: &HostPort, config: &EngineConfig) -> Self {
        Self::Smarthost(host.host.to_ascii_lowercase(), host.port.unwrap_or(config.delivery.port))
    }

    /// Whether it is the built-in receiver.
    #[must_use]
    pub fn is_sink(&self) -> bool {
        *self == Self::Sink
    }

    /// The words by which a campaign is held to it.
    #[must_use]
    pub fn pin(&self) -> String {
        match self {
            Self::Exchangers(port) if *port != SMTP => format!("mx port {port}"),
            _ => self.to_string(),
        }
    }

    /// The words for people.
    #[must_use]
    pub fn words(&self) -> String {
        words(&self.pin())
    }
}

/// The destination's name, without what tells a laboratory from the world.
#[must_use]
pub fn name(pin: &str) -> &str {
    if pin.starts_with("mx ") { "mx" } else { pin }
}

/// What people read for a pin.
#[must_use]
pub fn words(pin: &str) -> String {
    if pin == "sink" { "sink (built in: nobody gets mail)".to_owned() } else { pin.to_owned() }
}

/// What people read of where the mail went before, to be put behind [`words`].
#[must_use]
pub fn words_of_earlier(left: &[Left]) -> String {
    let words_of = |Left { destination, attempts }: &Left| {
        format!("; before it moved: {} ({})", words(destination), Many(*attempts, "attempt", "attempts"))
    };
    left.iter().map(words_of).collect()
}

/// A destination that a campaign has left, and what was done there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Its words.
    pub destination: String,
    /// Attempts that were made while it was the destination, those that a kill cut off included. How many people got a copy
    /// there is not known of these.
    pub attempts: u64,
}

/// The destinations that were left, the first one first.
#[must_use]
pub fn left(moved_from: &[MovedFrom]) -> Vec<Left> {
    let mut before = 0;
    let there = |MovedFrom { destination, attempts }: &MovedFrom| Left {
        destination: destination.clone(),
        attempts: attempts.saturating_sub(std::mem::replace(&mut before, *attempts)),
    };
    moved_from.iter().map(there).collect()
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sink => f.write_str("sink"),
            Self::Smarthost(host, port) if host.contains(':') => write!(f, "smarthost [{host}]:{port}"),
            Self::Smarthost(host, port) => write!(f, "smarthost {host}:{port}"),
            Self::Exchangers(_) => f.write_str("mx"),
        }
    }
}

fn one_of(said: [Option<(Destination, &'static str)>; 3]) -> Result<Option<Destination>, Failure> {
    let mut said = said.into_iter().flatten();
    let Some((destination, first)) = said.next() else { return Ok(None) };
    match said.next() {
        None => Ok(Some(destination)),
        Some((_, second)) => Err(Failure::usage(format!(
            "the configuration says twice where mail goes: {first} and {second}\nhint: keep one of them"
        ))),
    }
}

/// The ways to say where mail goes.
pub const WAYS: &str = "\
hint: --smarthost HOST:PORT, or delivery.smarthost in the file of --config: one server gets all of it
hint: delivery.route = \"mx\" in the file of --config: each recipient's own servers get it
hint: --sink: a rehearsal with the receiver that is built in; nobody gets mail";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::cli::{Command, CommandLine};
    use crate::app::config::document::Document;
    use std::path::Path;

    fn send(line: &str) -> SendArgs {
        match crate::app::cli::parse(line.split_whitespace().map(Into::into)) {
            Ok(CommandLine { command: Command::Send(args), .. }) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn told(flags: &str, delivery: &str) -> Result<Option<Destination>, String> {
        let document = Document::new(Path::new("e.toml"), format!("[delivery]\n{delivery}\n"));
        let config = EngineConfig::from_document(&document).unwrap();
        Destination::told((&send(&format!("posthaste send c.toml {flags}"))).into(), &config)
            .map_err(|failure| failure.message)
    }

    #[test]
    fn nothing_is_sent_anywhere_that_nobody_named() {
        assert_eq!(told("", ""), Ok(None));
        assert_eq!(told("", "sink = false"), Ok(None));
        assert_eq!(told("", "route = \"mx\""), Ok(Some(Destination::Exchangers(25))));
        assert_eq!(told("", "sink = true"), Ok(Some(Destination::Sink)));
        assert_eq!(told("--sink", "route = \"mx\""), Ok(Some(Destination::Sink)));
        let relay = |port| Ok(Some(Destination::Smarthost("relay.example".into(), port)));
        assert_eq!(told("", "smarthost = \"Relay.example\"\nport = 2526"), relay(2526));
        assert_eq!(told("--smarthost relay.example:587", "sink = true"), relay(587));
        let flag = told("--smarthost [::1]:2525", "").unwrap().unwrap();
        assert_eq!((flag.to_string().as_str(), flag.pin()), ("smarthost [::1]:2525", flag.to_string()));
    }

    #[test]
    fn two_destinations_are_refused_by_name() {
        for (delivery, said) in [
            ("sink = true\nsmarthost = \"a.example\"", ["delivery.sink", "delivery.smarthost"]),
            ("sink = true\nroute = \"mx\"", ["delivery.sink", "delivery.route"]),
            ("smarthost = \"a.example\"\nroute = \"mx\"", ["delivery.smarthost", "delivery.route"]),
        ] {
            let error = told("", delivery).unwrap_err();
            assert!(said.iter().all(|word| error.contains(word)) && error.contains("hint: "), "{error}");
        }
    }

    #[test]
    fn a_pin_tells_a_laboratory_from_the_world() {
        assert_ne!(Destination::Exchangers(2525).pin(), Destination::Exchangers(25).pin());
        assert_eq!(Destination::Exchangers(2525).to_string(), "mx");
        assert!(Destination::Sink.words().contains("nobody gets mail"));
    }
}
