//! Tag lists, `name=value; name=value` (RFC 6376 §3.2): signatures and keys of DKIM, policies of DMARC.
//!
//! Guarantees: names come in the order in which they stand, each once, with the blanks around names and values cut off. Leaves
//! to others: what the tags mean, and which of them must be there.

/// The tags of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags<'t>(Vec<(&'t str, &'t str)>);

/// Why a text is no tag list: a half sentence for people, which quotes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// A part has no equals sign.
    #[error("`{0}` has no value: tags are written name=value, with semicolons between")]
    NoValue(String),
    /// A part has no name, or one with other characters than letters, digits and underscores.
    #[error("`{0}` is no name of a tag")]
    Name(String),
    /// A name stands there twice (RFC 6376 §3.2: "Tags with duplicate names MUST NOT occur").
    #[error("the tag `{0}` stands there twice")]
    Twice(String),
    /// Nothing between two semicolons.
    #[error("nothing stands between two semicolons")]
    Empty,
}

impl<'t> Tags<'t> {
    /// Reads a list; a semicolon may stand at its end.
    ///
    /// # Errors
    /// [`TagError`]: the first thing that is wrong.
    pub fn read(text: &'t str) -> Result<Self, TagError> {
        let text = text.trim();
        let text = text.strip_suffix(';').unwrap_or(text);
        let mut tags: Vec<(&str, &str)> = Vec::new();
        for part in text.split(';').map(str::trim) {
            if part.is_empty() {
                return Err(TagError::Empty);
            }
            let (name, value) = part.split_once('=').ok_or_else(|| TagError::NoValue(part.to_owned()))?;
            let (name, value) = (name.trim_end(), value.trim_start());
            let is_name = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name {
                return Err(TagError::Name(name.to_owned()));
            }
            if tags.iter().any(|(known, _)| *known == name) {
                return Err(TagError::Twice(name.to_owned()));
            }
            tags.push((name, value));
        }
        Ok(Self(tags))
    }

    /// The value of a tag; names are told apart by case (RFC 6376 §3.2).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'t str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The first tag.
    #[must_use]
    pub fn first(&self) -> Option<(&'t str, &'t str)> {
        self.0.first().copied()
    }

    /// The names, as they stand.
    pub fn names(&self) -> impl Iterator<Item = &'t str> {
        self.0.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_with_their_blanks_and_without() {
        let tags = Tags::read(" v=DKIM1 ; k = rsa;\tp=AB C=;").unwrap();
        assert_eq!(tags.names().collect::<Vec<_>>(), ["v", "k", "p"]);
        assert_eq!((tags.get("k"), tags.get("p"), tags.get("P")), (Some("rsa"), Some("AB C="), None));
        assert_eq!(tags.first(), Some(("v", "DKIM1")));
        assert_eq!(Tags::read("p=").unwrap().get("p"), Some(""));
    }

    #[test]
    fn what_is_no_list_is_told_with_what_stands_there() {
        for (text, error) in [
            ("", TagError::Empty),
            ("v=1;;p=2", TagError::Empty),
            ("v=1; none", TagError::NoValue("none".into())),
            ("v=1 p=2; =3", TagError::Name(String::new())),
            ("1v=1", TagError::Name("1v".into())),
            ("p=1; p=2", TagError::Twice("p".into())),
        ] {
            assert_eq!(Tags::read(text), Err(error), "{text:?}");
        }
    }
}
