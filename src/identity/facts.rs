//! What is known of DNS, and which questions are open.
//!
//! Guarantees: an answer that nobody gave stays apart from "there is none"; a name that cannot exist is never asked for.
//! Leaves to others: asking.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The longest name, in octets, without a final dot (RFC 1035 §3.1).
const NAME_MAX: usize = 253;
/// The longest label, in octets.
const LABEL_MAX: usize = 63;

/// Types of records that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Addresses of IPv4.
    A,
    /// Addresses of IPv6.
    Aaaa,
    /// Exchangers.
    Mx,
    /// Names of an address.
    Ptr,
    /// The head of a zone.
    Soa,
    /// Texts.
    Txt,
}

impl Kind {
    /// As zone files write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Mx => "MX",
            Self::Ptr => "PTR",
            Self::Soa => "SOA",
            Self::Txt => "TXT",
        }
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The name in lower case, without a final dot.
    pub name: String,
    /// What is asked for.
    pub kind: Kind,
}

/// A record, as far as it is of use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Of an A or AAAA record.
    Address(IpAddr),
    /// An exchanger; an empty host is the root, by which a domain says that it takes no mail (RFC 7505).
    Exchanger {
        /// Lower is better.
        preference: u16,
        /// In lower case without a final dot; what is no host name stands as DNS shows it.
        host: String,
    },
    /// The name that an address has.
    Name(String),
    /// The strings of a TXT record, joined (RFC 7208 §3.3); octets beyond UTF-8 are replaced.
    Text(String),
    /// That the name is the head of a zone.
    Zone,
    /// Beside others: that they are those of this name, for which the one that was asked for is an alias (CNAME).
    Alias(String),
}

impl Record {
    /// Of an A or AAAA record the address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        if let Self::Address(address) = self { Some(*address) } else { None }
    }
}

/// What DNS said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Records, at least one, perhaps behind aliases.
    Found(Vec<Record>),
    /// The name is there and has no such record.
    NoRecord,
    /// There is no such name.
    NoName,
    /// Nobody could say; a half sentence for people.
    Unknown(String),
}

impl Answer {
    /// Whether it says that there is nothing.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::NoRecord | Self::NoName)
    }
}

/// Why something cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Questions are open that can be asked.
    Open,
    /// A question was asked and got no answer: which, and why.
    Unknown(String),
}

/// Records of a name.
#[derive(Clone, Copy, Debug)]
pub struct Looked<'f> {
    /// They; none where there are none.
    pub records: &'f [Record],
    /// Whether the name is there.
    pub exists: bool,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Facts {
    known: BTreeMap<Question, Answer>,
    open: RefCell<BTreeSet<Question>>,
}

impl Facts {
    /// Tells an answer.
    pub fn learn(&mut self, question: Question, answer: Answer) {
        self.known.insert(question, answer);
    }

    /// The questions that were open when something was judged last.
    #[must_use]
    pub fn take_open(&mut self) -> Vec<Question> {
        std::mem::take(self.open.get_mut()).into_iter().collect()
    }

    /// How many answers are known, and of these how many are none.
    #[must_use]
    pub fn count(&self) -> (u64, u64) {
        let unknown = self.known.values().filter(|answer| matches!(answer, Answer::Unknown(_))).count();
        (self.known.len() as u64, unknown as u64)
    }

    /// Whether several names were asked for, and each was said not to be there, or to have nothing.
    #[must_use]
    pub fn denies_all(&self) -> bool {
        let names: BTreeSet<&str> = self.known.keys().map(|question| question.name.as_str()).collect();
        names.len() > 1 && self.known.values().all(Answer::is_denial)
    }

    /// What is known of the records of a name.
    ///
    /// # Errors
    /// [`Lack`].
    pub fn look(&self, name: &str, kind: Kind) -> Result<Looked<'_>, Lack> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if !is_name(&name) {
            return Ok(Looked { records: &[], exists: false });
        }
        let question = Question { name, kind };
        match self.known.get(&question) {
            Some(Answer::Found(records)) => Ok(Looked { records, exists: true }),
            Some(Answer::NoRecord) => Ok(Looked { records: &[], exists: true }),
            Some(Answer::NoName) => Ok(Looked { records: &[], exists: false }),
            Some(Answer::Unknown(why)) => Err(Lack::Unknown(format!("{} {}: {why}", kind.word(), question.name))),
            None => {
                self.open.borrow_mut().insert(question);
                Err(Lack::Open)
            }
        }
    }

    /// The texts of a name.
    ///
    /// # Errors
    /// [`Lack`].
    pub fn texts(&self, name: &str) -> Result<Vec<&str>, Lack> {
        let records = self.look(name, Kind::Txt)?.records.iter();
        let text =
            records.filter_map(|record| if let Record::Text(text) = record { Some(text.as_str()) } else { None });
        Ok(text.collect())
    }

    /// The addresses of a name, of both families.
    ///
    /// # Errors
    /// [`Lack`]; one family alone is not told.
    pub fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Lack> {
        // Both are left open at once.
        let both = [self.look(name, Kind::A), self.look(name, Kind::Aaaa)];
        let mut addresses = Vec::new();
        for looked in both {
            addresses.extend(looked?.addresses());
        }
        Ok(addresses)
    }
}

impl<'f> Looked<'f> {
    /// Of the records the addresses.
    pub fn addresses(self) -> impl Iterator<Item = IpAddr> + 'f {
        self.records.iter().filter_map(Record::address)
    }

    /// The hosts of exchangers, the most preferred first.
    #[must_use]
    pub fn exchangers(self) -> Vec<&'f str> {
        let mut hosts: Vec<(u16, &str)> = self
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Exchanger { preference, host } => Some((*preference, host.as_str())),
                _ => None,
            })
            .collect();
        hosts.sort_unstable();
        hosts.into_iter().map(|(_, host)| host).collect()
    }

    /// The name whose records they are, where the one that was asked for is an alias.
    #[must_use]
    pub fn alias_of(self) -> Option<&'f str> {
        self.records.iter().find_map(|record| if let Record::Alias(name) = record { Some(name.as_str()) } else { None })
    }

    /// The names of an address.
    pub fn names(self) -> impl Iterator<Item = &'f str> {
        self.records
            .iter()
            .filter_map(|record| if let Record::Name(name) = record { Some(name.as_str()) } else { None })
    }
}

/// Whether DNS can hold a name: labels of 1 to 63 printable octets or blanks, 253 in all.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    };
    name.len() <= NAME_MAX && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Facts {
        /// Facts out of lines such as `acme.example MX 10 mx.acme.example`, `a.example TXT v=spf1 -all`,
        /// `b.example A ? no answer` and `c.example CNAME of.example`, behind the addresses of that. Of a name that has a line every other record is known not to be there; nothing is
        /// known of other names.
        pub(crate) fn of(lines: &str) -> Self {
            let kinds = [Kind::A, Kind::Aaaa, Kind::Mx, Kind::Ptr, Kind::Soa, Kind::Txt];
            let mut facts = Self::default();
            for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let mut words = line.splitn(3, ' ');
                let (name, word, data) =
                    (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
                if word == "CNAME" {
                    for answer in facts.known.iter_mut().filter(|(question, _)| question.name == name) {
                        if let Answer::Found(records) = answer.1 {
                            records.push(Record::Alias(data.to_owned()));
                        }
                    }
                    continue;
                }
                let kind = *kinds.iter().find(|kind| kind.word() == word).unwrap();
                for other in kinds {
                    facts.known.entry(Question { name: name.to_owned(), kind: other }).or_insert(Answer::NoRecord);
                }
                let answer = facts.known.get_mut(&Question { name: name.to_owned(), kind }).unwrap();
                if let Some(why) = data.strip_prefix("? ") {
                    *answer = Answer::Unknown(why.to_owned());
                    continue;
                }
                let record = match kind {
                    Kind::A | Kind::Aaaa => Record::Address(data.parse().unwrap()),
                    Kind::Mx => {
                        let (preference, host) = data.split_once(' ').unwrap();
                        let host = if host == "." { "" } else { host };
                        Record::Exchanger { preference: preference.parse().unwrap(), host: host.to_owned() }
                    }
                    Kind::Ptr => Record::Name(data.to_owned()),
                    Kind::Soa => Record::Zone,
                    Kind::Txt => Record::Text(data.to_owned()),
                };
                match answer {
                    Answer::Found(records) => records.push(record),
                    other => *other = Answer::Found(vec![record]),
                }
            }
            facts
        }

        /// Judges until nothing is open; names of which nothing is known are not there.
        pub(crate) fn judged<T>(&mut self, judge: impl Fn(&Self) -> Result<T, Lack>) -> Result<T, Lack> {
            for _ in 0..1000 {
                match judge(self) {
                    Err(Lack::Open) => {
                        for question in self.take_open() {
                            self.learn(question, Answer::NoName);
                        }
                    }
                    done => return done,
                }
            }
            panic!("it asks without end");
        }
    }

    #[test]
    fn what_is_not_known_is_left_open_once() {
        let mut facts = Facts::default();
        assert_eq!(facts.texts("Acme.example.").err(), Some(Lack::Open));
        assert_eq!(facts.addresses("acme.example").err(), Some(Lack::Open));
        assert_eq!(facts.texts("acme.example").err(), Some(Lack::Open));
        let open = facts.take_open();
        assert_eq!(open.iter().map(|q| q.kind.word()).collect::<Vec<_>>(), ["A", "AAAA", "TXT"]);
        for question in open {
            facts.learn(question, Answer::NoRecord);
        }
        assert_eq!(facts.texts("acme.example"), Ok(vec![]));
        assert_eq!((facts.addresses("acme.example"), facts.take_open()), (Ok(vec![]), vec![]));
    }

    #[test]
    fn what_nobody_could_say_is_not_what_is_not_there() {
        let facts = Facts::of("acme.example TXT ? no answer\nb.example A 192.0.2.1");
        assert_eq!(facts.texts("acme.example"), Err(Lack::Unknown("TXT acme.example: no answer".into())));
        assert_eq!(facts.addresses("b.example"), Ok(vec!["192.0.2.1".parse().unwrap()]));
        assert_eq!(facts.count(), (12, 1));
    }

    #[test]
    fn a_resolver_that_denies_everything_is_told_from_one_that_denies_some() {
        let question = |name: &str| Question { name: name.to_owned(), kind: Kind::Mx };
        let mut facts = Facts::default();
        facts.learn(question("a.example"), Answer::NoName);
        assert!(!facts.denies_all(), "one name may not be there");
        facts.learn(question("b.example"), Answer::NoName);
        assert!(facts.denies_all());
        facts.learn(question("c.example"), Answer::NoRecord);
        assert!(facts.denies_all(), "nothing is had of it, either");
        facts.learn(question("d.example"), Answer::Unknown("late".into()));
        assert!(!facts.denies_all());
    }

    #[test]
    fn names_that_cannot_be_are_never_asked_for() {
        let mut facts = Facts::default();
        let (long, label) = ("a.".repeat(128), "a".repeat(64));
        for name in ["", "..", "a..b", ".a", "a\tb.example", "b\u{fc}cher.example", &long, &label] {
            let looked = facts.look(name, Kind::A).unwrap();
            assert!(!looked.exists && looked.records.is_empty(), "{name:?}");
        }
        assert_eq!(facts.take_open(), vec![]);
    }

    #[test]
    fn exchangers_come_in_their_order() {
        let facts = Facts::of("a.example MX 20 mx2.example\na.example MX 10 mx1.example");
        assert_eq!(facts.look("a.example", Kind::Mx).unwrap().exchangers(), ["mx1.example", "mx2.example"]);
    }
}
