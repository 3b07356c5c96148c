//! What a destination demands of TLS, and who says so.
//!
//! The demand is bound to the recipients' domain: two domains with one exchanger and different demands never share a
//! connection. Leaves to others: finding it out (`engine`), and what exactly is verified ([`Verification`](super::Verification)).

/// Who says what is demanded. A published policy outranks the configuration, and DANE outranks MTA-STS (RFC 8461 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The configuration of this engine.
    #[default]
    Configured,
    /// The domain's MTA-STS policy (RFC 8461).
    MtaSts,
    /// TLSA records of the exchanger, proven by DNSSEC (RFC 7672).
    Dane,
}

impl Source {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Configured => "configuration",
            Self::MtaSts => "MTA-STS",
            Self::Dane => "DANE",
        }
    }
}

/// How much of TLS is demanded; a later one is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// TLS is not even asked for.
    Never,
    /// TLS where it is offered and works, else clear text (RFC 7435).
    #[default]
    Opportunistic,
    /// TLS or nothing; any certificate will do.
    Required,
    /// TLS or nothing, and the peer proves who it is.
    Verified,
}

impl Level {
    /// The word for people and for configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Opportunistic => "opportunistic",
            Self::Required => "required",
            Self::Verified => "verified",
        }
    }

    /// Whether mail may go out in clear text when TLS is not to be had.
    #[must_use]
    pub fn allows_clear_text(self) -> bool {
        self <= Self::Opportunistic
    }
}

/// What a domain demands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Security {
    /// Who says so.
    pub source: Source,
    /// What is demanded.
    pub level: Level,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stricter_levels_come_later_and_only_the_lax_ones_allow_clear_text() {
        let levels = [Level::Never, Level::Opportunistic, Level::Required, Level::Verified];
        assert!(levels.is_sorted());
        assert_eq!(levels.map(Level::allows_clear_text), [true, true, false, false]);
        assert!(Source::Dane > Source::MtaSts && Source::MtaSts > Source::Configured);
    }
}
