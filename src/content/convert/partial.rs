//! A file that a template reads, and what it is handed under names of its own: `{% with %}` around an `{% include %}`.
//!
//! Leaves to others: the file itself, which is translated like any other.

use super::writer::{Trim, Writer, literal};
use crate::content::partials::plain_name;

/// The file of a name, as seen from the campaign's folder.
///
/// # Errors
/// Why there is none.
pub(super) fn file_of(name: &str) -> Result<String, String> {
    let file = if name.contains('.') { name.to_owned() } else { format!("{name}.html") };
    plain_name(&file).ok_or_else(|| format!("`{name}` names no file of the campaign's folder"))
}

/// Writes the statements that read a file. `given`: names in the file, and the values that they have there.
///
/// # Errors
/// Why there is no translation.
pub(super) fn write(file: &str, given: &[(String, String)], trim: Trim, out: &mut Writer<'_>) -> Result<(), String> {
    // One after the other is bound: a value that is made of a name bound before it would be another one.
    for (index, (name, _)) in given.iter().enumerate() {
        let behind = given.get(index + 1..).unwrap_or_default();
        if behind.iter().any(|(_, code)| has_word(code, name)) {
            return Err(format!("a value that it is handed is made of `{name}`, which is another one in the file"));
        }
    }
    let include = format!("include {}", literal(file));
    if given.is_empty() {
        out.statement(&include, trim);
        return Ok(());
    }
    let values: Vec<String> = given.iter().map(|(name, code)| format!("{name} = {code}")).collect();
    out.statement(&format!("with {}", values.join(", ")), Trim { behind: false, ..trim });
    out.statement(&include, Trim::default());
    out.statement("endwith", Trim { before: false, ..trim });
    Ok(())
}

/// Says that the file is to be translated, too.
pub(super) fn tell(at: usize, tag: &str, file: &str, given: &[(String, String)], out: &mut Writer<'_>) {
    let mut says = format!("`{tag}` reads {file} of the campaign's folder: it is to be translated, too");
    if !given.is_empty() {
        let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        says.push_str(&format!(", without --list, for it has names of its own ({})", names.join(", ")));
    }
    out.told(at, says);
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}
