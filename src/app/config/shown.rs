//! The engine's configuration as text: the file with every default, and what of a file differs from it.
//!
//! Guarantees: both are made from the definitions of the keys (`engine`). Leaves to others: printing.

use super::arrays::ARRAYS;
use super::document::{Document, Faults, Section};
use super::engine::{ANY, EngineConfig, Key};
use super::{tls_policy, values};
use std::fmt::Write;
use std::time::Duration;

const HEAD: &str = "\
# posthaste: the configuration of the engine.
# Every key stands here with its default: what you do not change, you may leave out.
# An unknown key is an error. Durations are numbers with a unit: ms, s, m, h, d.
";

impl EngineConfig {
    /// The configuration file that states every default: what `posthaste config` prints.
    #[must_use]
    pub fn template() -> String {
        let mut text = HEAD.to_owned();
        let mut section = "";
        for key in Self::keys() {
            if key.section != section {
                section = key.section;
                let _ = write!(text, "\n[{section}]\n");
            }
            let _ = write!(text, "# {} ({})\n{} = {}\n", key.doc, key.measure(), key.name, key.default);
        }
        text + ARRAYS + tls_policy::ABOUT
    }

    /// What a file sets otherwise than it is by default: a line each, as the file has it.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn differences(document: &Document) -> Result<Vec<String>, Faults> {
        let config = Self::whole(document)?;
        let tree = document.tree()?;
        let root = Section::any_root(document, &tree);
        let mut lines = Vec::new();
        for key in config.differing(&Self::defaults()?) {
            let section = root.get(key.section).map(|item| item.any_section()).transpose()?;
            let written = section.and_then(|s| s.get(key.name)).map(|item| item.written()).unwrap_or_default();
            lines.push(format!("{}.{} = {written}   (default: {})", key.section, key.name, key.default));
        }
        lines.extend(config.sources.iter().map(|source| format!("[[source]] {}", source.name)));
        lines.extend(config.dkim.iter().map(|dkim| format!("[[dkim]] {}", dkim.domain)));
        lines.extend(config.tls_policies.iter().map(|policy| format!("[[tls_policy]] {}", policy.domains.join(", "))));
        Ok(lines)
    }
}

impl Key {
    /// Unit and bounds, for people.
    fn measure(&self) -> String {
        let (least, most) = self.bounds;
        if self.bounds == ANY {
            return self.unit.to_owned();
        }
        if self.unit.starts_with("duration") {
            let text = |ms| values::duration_text(Duration::from_millis(ms));
            return format!("{}, {} to {}", self.unit, text(least), text(most));
        }
        format!("{}, {least} to {most}", self.unit)
    }
}
