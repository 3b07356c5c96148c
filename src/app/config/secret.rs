//! Secrets of the configuration: it names where they are, it never holds them.
//!
//! Guarantees: a secret is read from a file or an environment variable only, is one line without control characters of
//! at most [`OCTETS_MAX`] octets, and is in no error and no Debug output. Leaves to others: what it opens.

use super::document::{ConfigError, Item, hint_if_not_handed, seen_from};
use std::io::Read as _;

/// A longer secret is taken for the wrong file.
pub const OCTETS_MAX: u64 = 4096;

/// A text that was given, not empty, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The text.
    pub text: String,
    /// An error at its place, whose message is the key.
    at: ConfigError,
}

impl Given {
    /// A text; an empty one is none.
    pub(super) fn read(item: &Item<'_>) -> Result<Option<Self>, ConfigError> {
        let text = item.text()?.to_owned();
        let mut at = item.error("");
        at.message.truncate(at.message.trim_end_matches([':', ' ']).len());
        Ok((!text.is_empty()).then_some(Self { text, at }))
    }

    /// An error at the text's place; `message` follows the key's name.
    #[must_use]
    pub fn error(&self, message: impl std::fmt::Display) -> ConfigError {
        ConfigError { message: format!("{}: {message}", self.at.message), ..self.at.clone() }
    }
}

/// A user and where the password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: Given,
    /// Where the password is.
    password: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(Given),
    Environment(Given),
}

impl Login {
    /// Of the three keys that make a login: none of them, or the user and one of the two others.
    pub(super) fn of(
        user: Option<Given>,
        file: Option<Given>,
        environment: Option<Given>,
    ) -> Result<Option<Self>, ConfigError> {
        match (user, file, environment) {
            (None, None, None) => Ok(None),
            (_, Some(_), Some(second)) => Err(second.error("stands beside a password_file").hint("keep one of the two")),
            (None, Some(given), None) | (None, None, Some(given)) => {
                Err(given.error("there is no user for this password").hint("add user = \"NAME\" beside it"))
            }
            (Some(user), None, None) => Err(user
                .error("there is no password for this user")
                .hint("add password_file = \"FILE\" or password_env = \"VARIABLE\"; the password itself is never written here")),
            (Some(user), Some(file), None) => Ok(Some(Self { user, password: Place::File(file) })),
            (Some(user), None, Some(name)) => Ok(Some(Self { user, password: Place::Environment(name) })),
        }
    }

    /// The password.
    ///
    /// # Errors
    /// It cannot be read, or is no line of text; with the place of the key that names it.
    pub fn password(&self) -> Result<String, ConfigError> {
        match &self.password {
            Place::File(given) => {
                // As all files that a configuration names: as seen from its folder.
                let path = seen_from(&given.at.file, &given.text);
                let shown = path.display();
                let read = || {
                    let mut text = String::new();
                    std::fs::File::open(&path)?.take(OCTETS_MAX + 1).read_to_string(&mut text)?;
                    Ok(text)
                };
                let text = read().map_err(|e: std::io::Error| {
                    let usual = "put the password alone in this file, and let nobody but the user of posthaste read it";
                    given.error(format!("{shown} cannot be read: {e}")).hint(hint_if_not_handed(&path).unwrap_or(usual))
                })?;
                checked(text.trim_end_matches(['\r', '\n']))
                    .map_err(|why| given.error(format!("{shown} {why}")).hint("it must hold the password alone"))
            }
            Place::Environment(given) => {
                let name = &given.text;
                let text = std::env::var(name).map_err(|_| {
                    given
                        .error(format!("the environment variable {name:?} is not set, or is not UTF-8"))
                        .hint(format!("set it for this command: {name}=… posthaste send …"))
                })?;
                checked(&text).map_err(|why| given.error(format!("the environment variable {name:?} {why}")))
            }
        }
    }
}

fn checked(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.len() as u64 > OCTETS_MAX {
        return Err("is too long for a password");
    }
    if text.chars().any(char::is_control) {
        return Err("holds more than one line, or a control character");
    }
    Ok(text.to_owned())
}
