//! The engine's configuration: each key is defined once, in the table below.
//!
//! From a definition come the typed field, the parser, the default, `posthaste config` and the shipped
//! `config/engine.toml`. Guarantees: an [`EngineConfig`] is within the bounds that the table states.
//! Leaves to others: choosing what `0` or `""` stand for ("as many as there are cores", "the system's name").

use super::document::{ConfigError, Document, Faults, Item, Section};
use super::secret::{Given, Login};
use super::values::{self, HostPort};
use crate::observe::logs::Level;
use crate::smtp::client::Mechanism;
use crate::tls::Version;
use crate::tls::policy::Level as Demanded;
use crate::wire::dns::{Dnssec, Ourself};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use super::arrays::{Dkim, DkimKey};
pub use super::source::{Proxy, ProxyKind, Source};
pub use super::tls_policy::TlsPolicy;

/// The definition of one key.
#[derive(Debug)]
pub struct Key {
    /// The table it stands in.
    pub section: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What a value counts or is, for people.
    pub unit: &'static str,
    /// The default, as it stands in a TOML file.
    pub default: &'static str,
    /// Least and most: of a number, or of a duration in milliseconds.
    pub bounds: (u64, u64),
    /// One sentence: what it does.
    pub doc: &'static str,
}

/// No bounds: for values that are not numbers.
pub(super) const ANY: (u64, u64) = (0, u64::MAX);
const SECOND: u64 = 1_000;
const DAY: u64 = 86_400_000;

/// Defines the sections: a struct each, its table of keys, and how it is read.
macro_rules! sections {
    ($($(#[$about:meta])* $section:ident: $type:ident {
        $($name:ident: $value:ty, $unit:literal, $default:literal, $bounds:expr, $doc:literal;)*
    })*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $type { $(#[doc = $doc] pub $name: $value,)* }

            impl $type {
                /// The definitions of its keys, in the order in which they are shown.
                pub const KEYS: &'static [Key] = &[$(Key {
                    section: stringify!($section),
                    name: stringify!($name),
                    unit: $unit,
                    default: $default,
                    bounds: $bounds,
                    doc: $doc,
                },)*];

                fn read(root: &Section<'_>, all: &[String]) -> Result<Self, ConfigError> {
                    let known: Vec<&str> = Self::KEYS.iter().map(|key| key.name).collect();
                    let section = match root.get(stringify!($section)) {
                        Some(item) => Some(item.section(&known, all)?),
                        None => None,
                    };
                    let mut keys = Self::KEYS.iter();
                    Ok(Self { $($name: <$value>::setting(section.as_ref(), keys.next())?,)* })
                }

                /// Everything that is wrong in the section.
                fn faults(root: &Section<'_>, all: &[String]) -> Vec<ConfigError> {
                    let Some(item) = root.get(stringify!($section)) else { return Vec::new() };
                    let section = match item.any_section() {
                        Ok(section) => section,
                        Err(error) => return vec![error],
                    };
                    let known: Vec<&str> = Self::KEYS.iter().map(|key| key.name).collect();
                    let mut faults = section.unknown(&known, all);
                    let mut keys = Self::KEYS.iter();
                    $(faults.extend(<$value>::setting(Some(&section), keys.next()).err());)*
                    faults
                }

                fn differing(&self, other: &Self) -> impl Iterator<Item = &'static Key> {
                    let same = [$(self.$name == other.$name),*];
                    Self::KEYS.iter().zip(same).filter_map(|(key, same)| (!same).then_some(key))
                }
            }
        )*

        /// What the engine may do, and how.
        #[derive(Clone, Debug, PartialEq)]
        pub struct EngineConfig {
            $($(#[$about])* pub $section: $type,)*
            /// `[[source]]`: addresses to send from; empty: the system chooses.
            pub sources: Vec<Source>,
            /// `[[dkim]]`: domains to sign for.
            pub dkim: Vec<Dkim>,
            /// `[[tls_policy]]`: what is demanded of TLS for domains by name.
            pub tls_policies: Vec<TlsPolicy>,
        }

        impl EngineConfig {
            /// The definition of every key, section by section.
            pub fn keys() -> impl Iterator<Item = &'static Key> {
                [$($type::KEYS),*].into_iter().flatten()
            }

            /// The definitions of the keys whose values are not those of `other`.
            #[must_use]
            pub fn differing(&self, other: &Self) -> Vec<&'static Key> {
                let mut keys = Vec::new();
                $(keys.extend(self.$section.differing(&other.$section));)*
                keys
            }

            fn faults(root: &Section<'_>, all: &[String]) -> Vec<ConfigError> {
                let mut faults = Vec::new();
                $(faults.extend($type::faults(root, all));)*
                faults.extend(Source::read_all(root, all).err());
                faults.extend(Dkim::read_all(root, all).err());
                faults.extend(TlsPolicy::read_all(root, all).err());
                faults
            }

            fn from_root(root: &Section<'_>, all: &[String]) -> Result<Self, ConfigError> {
                Ok(Self {
                    $($section: $type::read(root, all)?,)*
                    sources: Source::read_all(root, all)?,
                    dkim: Dkim::read_all(root, all)?,
                    tls_policies: TlsPolicy::read_all(root, all)?,
                })
            }

            const SECTIONS: &'static [&'static str] = &[$(stringify!($section),)* "source", "dkim", "tls_policy"];
        }
    };
}

sections! {
    /// `[engine]`: the process.
    engine: Engine {
        data: PathBuf, "folder", "\"posthaste-data\"", ANY,
            "Where campaigns and their journals live; relative to the working directory; --data goes before it.";
        hostname: HostName, "host name", "\"\"", ANY,
            "The name announced in EHLO and used in Message-IDs; empty: the system's name.";
        shards: u16, "threads", "0", (0, 64),
            "Threads that own sessions, each with a ring of its own; 0: one for every 8 cores.";
        render_threads: u16, "threads", "0", (0, 512),
            "Threads that render and sign messages; 0: one for every core.";
        lookahead_messages: u32, "messages", "512", (1, 65_536),
            "Messages rendered ahead of the sessions that will send them, per shard: bounds memory.";
        group: Option<Given>, "group", "\"\"", ANY,
            "A group that may read the data directory, event logs, traces and reports too; empty: this user alone.";
        suppression: Vec<PathBuf>, "files", "[]", ANY,
            "Files of whom is never sent to, one a line: ann@a.example, @a.example, *.a.example; relative to this file.";
    }
    /// `[delivery]`: where mail goes, and how fast.
    delivery: Delivery {
        route: Option<Route>, "mx", "\"\"", ANY,
            "mx: to the recipients' own servers; empty: smarthost, sink or a flag says where mail goes, or none is sent.";
        smarthost: Option<HostPort>, "host:port", "\"\"", ANY,
            "Hand all mail to this server instead of the recipients' own; --smarthost goes before it; empty: none.";
        sink: bool, "switch", "false", ANY,
            "Rehearse: to a built-in receiver on loopback and to nobody else, as --sink does.";
        pool: Option<Given>, "pool", "\"\"", ANY,
            "Send from the sources of this pool; pool of a campaign goes before it; empty: from all sources.";
        port: u16, "port", "25", (1, 65_535),
            "The port of the recipients' servers, and of a smarthost that names none.";
        sessions_per_site: u32, "sessions", "20", (1, 10_000),
            "Sessions at once to one site (the domains that share one set of servers).";
        recipients_per_transaction: u32, "recipients", "100", (1, 10_000),
            "Recipients of one transaction, where several get the same bytes; never more than 1000, or 100 ahead of a DATA.";
        messages_per_session: u32, "messages", "1000", (1, 10_000_000),
            "Messages after which a session says QUIT and a new one begins.";
        tls: Demanded, "opportunistic | off | required | verified", "\"opportunistic\"", ANY,
            "TLS wherever it is offered, never, or nothing without it; verified: and the host must prove its name.";
        tls_minimum: Version, "1.2 | 1.3", "\"1.2\"", ANY,
            "The lowest version of TLS that is spoken.";
        pipelining: bool, "switch", "true", ANY,
            "Use PIPELINING (RFC 2920) where it is offered.";
        chunking: bool, "switch", "true", ANY,
            "Use CHUNKING (RFC 3030) where it is offered together with PIPELINING.";
        connect_timeout: Duration, "duration", "\"30s\"", (100, 600 * SECOND),
            "How long a connection may take to stand.";
        retry: Vec<Duration>, "durations", "[\"5m\", \"15m\", \"1h\", \"4h\"]", (SECOND, 30 * DAY),
            "Waits before the second, third, … attempt; the last one repeats; each is varied a little.";
        lifetime: Duration, "duration", "\"4d\"", (SECOND, 30 * DAY),
            "How long a recipient is tried before it expires.";
    }
    /// `[smarthost]`: who we are to the smarthost, if there is one.
    smarthost: Smarthost {
        tls: SmarthostTls, "starttls | implicit", "\"starttls\"", ANY,
            "TLS begins with STARTTLS, as delivery.tls says, or with the connection itself (port 465).";
        user: Option<Given>, "name", "\"\"", ANY,
            "Whom to log in as; empty: nobody. The password stands in one of the next two, and nowhere else.";
        password_file: Option<Given>, "file", "\"\"", ANY,
            "The file that holds the password and nothing else; relative to this file.";
        password_env: Option<Given>, "variable", "\"\"", ANY,
            "The environment variable that holds the password.";
        mechanism: Option<Mechanism>, "auto | plain | login | scram-sha-256", "\"auto\"", ANY,
            "How to log in; auto: the best way that the smarthost offers.";
        auth_in_clear: bool, "switch", "false", ANY,
            "Log in outside of TLS too: whoever can listen then has the password.";
    }
    /// `[tls]`: whom TLS believes, and what domains publish about it.
    tls: Tls {
        mta_sts: bool, "switch", "true", ANY,
            "Obey the MTA-STS policies (RFC 8461) of domains; they go before delivery.tls and the tables tls_policy.";
        mta_sts_port: u16, "port", "443", (1, 65_535),
            "The port that MTA-STS policies are fetched from.";
        report: bool, "switch", "false", ANY,
            "Count how TLS went with each domain, for the reports that domains ask for (RFC 8460): posthaste tls-report.";
        roots: Option<PathBuf>, "file", "\"\"", ANY,
            "PEM file of the roots that certificates must lead to; relative to this file; empty: the system's.";
        certificate: Option<PathBuf>, "file", "\"\"", ANY,
            "PEM file of a certificate chain to show to servers that ask for one, leaf first; empty: none.";
        key: Option<PathBuf>, "file", "\"\"", ANY,
            "PEM file of that certificate's private key.";
    }
    /// `[dns]`: the resolver.
    dns: Dns {
        servers: Vec<SocketAddr>, "address:port", "[]", ANY,
            "Name servers to ask; empty: those of /etc/resolv.conf.";
        timeout: Duration, "duration", "\"5s\"", (100, 60 * SECOND),
            "How long one question may take.";
        dnssec: Dnssec, "off | validate | trust", "\"off\"", ANY,
            "Proof of answers: none; made here from the root's keys; or the word of a validating server on loopback.";
        trust_anchor: Option<PathBuf>, "file", "\"\"", ANY,
            "DNSKEY records that validation starts from; relative to this file; empty: the root's, which are built in.";
        dane: bool, "switch", "true", ANY,
            "With dnssec: obey the TLSA records of hosts whose addresses are proven (RFC 7672).";
        ourselves: Vec<Ourself>, "hosts and addresses", "[]", ANY,
            "Exchangers that are this system: mail is never handed to them, nor to any less preferred (RFC 5321 5.1).";
        allow_loopback: bool, "switch", "false", ANY,
            "Let domains' exchangers be on this machine: loopback, own addresses, localhost, names without a dot (labs).";
    }
    /// `[journal]`: what makes outcomes durable.
    journal: Journal {
        window: Duration, "duration", "\"5ms\"", (0, SECOND),
            "How long outcomes are gathered before they are written together.";
    }
    /// `[metrics]`: the Prometheus page.
    metrics: Metrics {
        listen: Option<SocketAddr>, "address:port", "\"\"", ANY,
            "Serve metrics over HTTP here, like \"127.0.0.1:9464\"; empty: off; --metrics goes before it.";
    }
    /// `[events]`: the log of attempts, sessions and pauses, as lines of JSON.
    events: Events {
        file: Option<PathBuf>, "file", "\"\"", ANY,
            "Where events are written, relative to this file; empty: nowhere; --events goes before it.";
        rotate_mib: u32, "MiB", "256", (1, 1_048_576),
            "A file of this size is put away as FILE.000001, FILE.000002, …";
        rotate_age: Duration, "duration", "\"1d\"", (60 * SECOND, 30 * DAY),
            "A file that was begun so long ago is put away too.";
        keep: u32, "files", "0", (0, 1_000_000),
            "Files put away that are kept, the oldest go first; 0: all.";
        compress: bool, "switch", "true", ANY,
            "Pack files that were put away with zstd.";
    }
    /// `[log]`: what is written to standard error.
    log: Log {
        level: Level, "error | warn | info | debug | trace", "\"info\"", ANY,
            "How much is logged; debug: each route, session and recipient; trace: each session's dialogue, too.";
    }
}

/// How the servers that get mail are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// By the MX records of the recipients' domains.
    Mx,
}

/// How TLS begins with a smarthost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmarthostTls {
    /// By STARTTLS, as `delivery.tls` says.
    Starttls,
    /// Before the greeting (RFC 8314).
    Implicit,
}

impl Smarthost {
    /// The login, if there is one.
    ///
    /// # Errors
    /// Only a part of it is there; with the place.
    pub fn login(&self) -> Result<Option<Login>, ConfigError> {
        Login::of(self.user.clone(), self.password_file.clone(), self.password_env.clone())
    }
}

/// A host's name, or empty for the system's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub String);

impl EngineConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        Self::from_document(&Document::read(file)?)
    }

    /// The configuration of someone who wrote none.
    ///
    /// # Errors
    /// None that a test would let pass: the defaults go through the same parser as a file.
    pub fn defaults() -> Result<Self, ConfigError> {
        Self::from_document(&Document::new(Path::new("(defaults)"), String::new()))
    }

    /// Reads a document.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn from_document(document: &Document) -> Result<Self, ConfigError> {
        let tree = document.tree()?;
        let all = Self::names();
        let root = Section::root(document, &tree, Self::SECTIONS, &all)?;
        Self::from_root(&root, &all)
    }

    /// Reads a document to its end, whatever is wrong on the way.
    ///
    /// # Errors
    /// Everything that is wrong, with its place, as it stands in the file.
    pub fn whole(document: &Document) -> Result<Self, Faults> {
        let error = match Self::from_document(document) {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        let Ok(tree) = document.tree() else { return Err(error.into()) };
        let all = Self::names();
        let root = Section::any_root(document, &tree);
        let mut faults = root.unknown(Self::SECTIONS, &all);
        faults.extend(Self::faults(&root, &all));
        faults.sort_by_key(|fault| fault.place);
        Err(if faults.is_empty() { error.into() } else { Faults(faults) })
    }

    fn names() -> Vec<String> {
        let keys = Self::keys().map(|key| format!("{}.{}", key.section, key.name));
        let sections = Self::SECTIONS.iter().map(ToString::to_string);
        let arrays =
            Source::KEYS.iter().map(|k| format!("source.{k}")).chain(Dkim::KEYS.iter().map(|k| format!("dkim.{k}")));
        let proxy = Proxy::KEYS.iter().map(|k| format!("source.proxy.{k}"));
        let policies = TlsPolicy::KEYS.iter().map(|k| format!("tls_policy.{k}"));
        keys.chain(sections).chain(arrays).chain(proxy).chain(policies).collect()
    }
}

/// A type that a key can have.
pub(super) trait Setting: Sized {
    /// Reads a value of the file.
    fn read(item: &Item<'_>, key: &Key) -> Result<Self, ConfigError>;

    /// The value of the file, else the key's default, read the same way.
    fn setting(section: Option<&Section<'_>>, key: Option<&Key>) -> Result<Self, ConfigError> {
        let built_in = Path::new("(defaults)");
        let key = key.ok_or_else(|| ConfigError::of_file(built_in, "a key has no definition"))?;
        if let Some(item) = section.and_then(|s| s.get(key.name)) {
            return Self::read(&item, key);
        }
        let document = Document::new(built_in, format!("{} = {}", key.name, key.default));
        let tree = document.tree()?;
        let root = Section::root(&document, &tree, &[key.name], &[])?;
        Self::read(&root.require(key.name)?, key)
    }
}

impl Setting for bool {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        item.switch()
    }
}

impl Setting for u32 {
    fn read(item: &Item<'_>, key: &Key) -> Result<Self, ConfigError> {
        let (least, most) = key.bounds;
        let most = most.min(u64::from(Self::MAX));
        item.count((least, most)).map(|n| n as Self)
    }
}

impl Setting for u16 {
    fn read(item: &Item<'_>, key: &Key) -> Result<Self, ConfigError> {
        let (least, most) = key.bounds;
        let most = most.min(u64::from(Self::MAX));
        item.count((least, most)).map(|n| n as Self)
    }
}

impl Setting for Duration {
    fn read(item: &Item<'_>, key: &Key) -> Result<Self, ConfigError> {
        duration_within(item, key.bounds)
    }
}

impl Setting for Vec<Duration> {
    fn read(item: &Item<'_>, key: &Key) -> Result<Self, ConfigError> {
        durations_within(item, key.bounds)
    }
}

impl Setting for PathBuf {
    /// As it was written: relative to the working directory.
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        match item.text()? {
            "" => Err(item.error("must not be empty")),
            path => Ok(path.into()),
        }
    }
}

impl Setting for Vec<PathBuf> {
    /// Relative to the file that names them.
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        item.list()?.iter().map(|path| Ok(path.document().relative(path.text()?))).collect()
    }
}

impl Setting for HostName {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        match item.text()? {
            "" => Ok(Self(String::new())),
            _ => Ok(Self(host(item)?)),
        }
    }
}

impl Setting for Option<HostPort> {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        match item.text()? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|e: String| item.error(e)),
        }
    }
}

impl Setting for Option<SocketAddr> {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        match item.text()? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                item.error(format!("{text:?} is no address and port"))
                    .hint("write it like \"127.0.0.1:9464\" or \"[::1]:9464\"")
            }),
        }
    }
}

impl Setting for Vec<SocketAddr> {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        let address = |item: &Item<'_>| {
            let text = item.text()?;
            let with_port = text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 53)));
            with_port.ok_or_else(|| {
                item.error(format!("{text:?} is no address of a name server"))
                    .hint("write it like \"127.0.0.1:5300\" or \"9.9.9.9\"")
            })
        };
        item.list()?.iter().map(address).collect()
    }
}

impl Setting for Demanded {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        demanded(item)
    }
}

impl Setting for Version {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        choice(item, &[("1.2", Self::Tls12), ("1.3", Self::Tls13)])
    }
}

impl Setting for Option<Route> {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        choice(item, &[("", None), ("mx", Some(Route::Mx))])
    }
}

impl Setting for SmarthostTls {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        choice(item, &[("starttls", Self::Starttls), ("implicit", Self::Implicit)])
    }
}

impl Setting for Option<Mechanism> {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        let (plain, scram) = (Mechanism::Plain, Mechanism::ScramSha256);
        let login = Some(Mechanism::Login);
        choice(item, &[("auto", None), ("plain", Some(plain)), ("login", login), ("scram-sha-256", Some(scram))])
    }
}

impl Setting for Option<Given> {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        Given::read(item)
    }
}

impl Setting for Level {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        choice(item, &Self::ALL.map(|level| (level.word(), level)))
    }
}

/// A name of a host or domain.
pub(super) fn host(item: &Item<'_>) -> Result<String, ConfigError> {
    match item.text()? {
        text if values::is_host(text) => Ok(text.to_owned()),
        text => Err(item.error(format!("{text:?} is no name of a host or domain"))),
    }
}

/// A level of TLS that is demanded, in the words of the configuration.
pub(super) fn demanded(item: &Item<'_>) -> Result<Demanded, ConfigError> {
    choice(
        item,
        &[
            ("opportunistic", Demanded::Opportunistic),
            ("off", Demanded::Never),
            ("required", Demanded::Required),
            ("verified", Demanded::Verified),
        ],
    )
}

/// One of a few words.
pub(super) fn choice<T: Copy>(item: &Item<'_>, choices: &[(&str, T)]) -> Result<T, ConfigError> {
    let text = item.text()?;
    choices.iter().find(|(word, _)| *word == text).map(|&(_, value)| value).ok_or_else(|| {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
        item.error(format!("must be {}, is {text:?}", words.join(" or ")))
    })
}

/// A duration between bounds in milliseconds.
pub(super) fn duration_within(item: &Item<'_>, (least, most): (u64, u64)) -> Result<Duration, ConfigError> {
    let span = values::duration(item.text()?).map_err(|e| item.error(e))?;
    let bounds = (Duration::from_millis(least), Duration::from_millis(most));
    if span < bounds.0 || span > bounds.1 {
        let [least, most, is] = [bounds.0, bounds.1, span].map(values::duration_text);
        return Err(item.error(format!("must be from {least} to {most}, is {is}")));
    }
    Ok(span)
}

/// A list of at least one and at most 100 such durations.
pub(super) fn durations_within(item: &Item<'_>, bounds: (u64, u64)) -> Result<Vec<Duration>, ConfigError> {
    let list = item.list()?;
    if !(1..=100).contains(&list.len()) {
        return Err(item.error("must hold 1 to 100 durations"));
    }
    list.iter().map(|item| duration_within(item, bounds)).collect()
}

/// The bounds of `delivery.retry`, which a campaign may set too.
pub(super) const RETRY_BOUNDS: (u64, u64) = (SECOND, 30 * DAY);
