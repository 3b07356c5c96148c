//! The files that templates read by `include`, `extends` and `import`: as they were handed in, by their names.
//!
//! Guarantees: a name never leads out of the folder that it is seen from.

use super::spec::Source;
use minijinja::machinery;
use minijinja::syntax::SyntaxConfig;
use std::collections::{BTreeMap, BTreeSet};

/// Files by their names; of one that may not be read, why.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partials(pub(crate) BTreeMap<String, Result<Source, String>>);

/// Why a file is not read.
pub(crate) struct Missing {
    pub(crate) problem: String,
    pub(crate) hint: String,
    /// Whether the file is refused, which nothing excuses.
    pub(crate) is_refused: bool,
}

impl Partials {
    /// The files that a template reads, and those that these read.
    pub(crate) fn read_by(&self, template: &str) -> Vec<&Source> {
        read_by(template, |name| self.0.get(name)?.as_ref().ok())
    }

    /// The file of this name.
    pub(crate) fn get(&self, name: &str) -> Result<Source, Missing> {
        let shown = name.escape_debug();
        let Some(plain) = plain_name(name) else {
            return Err(Missing {
                problem: format!("`{shown}` leads out of the campaign's folder"),
                hint: "name a file in that folder or below it, such as \"parts/footer.html\"".to_owned(),
                is_refused: true,
            });
        };
        match self.0.get(&plain) {
            Some(Ok(file)) => Ok(file.clone()),
            Some(Err(why)) => Err(Missing {
                problem: format!("`{shown}` cannot be read: {why}"),
                hint: "templates read files of the campaign's folder only".to_owned(),
                is_refused: true,
            }),
            None => Err(Missing {
                problem: format!("there is no file `{shown}` in the campaign's folder"),
                hint: "names are as seen from the folder of the campaign's file; `ignore missing` behind the name does without"
                    .to_owned(),
                is_refused: false,
            }),
        }
    }
}

/// The name without what leads nowhere; `None` if it leads out of the folder.
#[must_use]
pub fn plain_name(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let is_inside = !name.starts_with('/')
        && !parts.is_empty()
        && !parts.contains(&"..")
        && !name.contains(['\\', '\0'])
        && !name.contains(|c: char| c.is_control());
    is_inside.then(|| parts.join("/"))
}

/// The name that minijinja knows a file by which the template `unit` reads.
pub(crate) fn inner_name(unit: &str, name: &str) -> String {
    format!("{unit}/{}", plain_name(name).unwrap_or_default())
}

/// The files that a template reads, and those that these read, each once. `file`: the one of a plain name.
pub(crate) fn read_by<'s>(template: &str, file: impl Fn(&str) -> Option<&'s Source>) -> Vec<&'s Source> {
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    let mut names = files_read_by(template);
    while let Some(name) = names.pop() {
        let Some(plain) = plain_name(&name).filter(|plain| known.insert(plain.clone())) else { continue };
        if let Some(file) = file(&plain) {
            names.extend(files_read_by(&file.text));
            found.push(file);
        }
    }
    found
}

/// The same in their order, with their plain names and as they are read in this syntax.
pub(crate) fn read_with_names(template: &str, partials: &Partials, syntax: &SyntaxConfig) -> Vec<(String, Source)> {
    let named = |text: &str| {
        let tree = machinery::parse(text, "", syntax.clone());
        tree.map(|tree| super::analysis::tree::files_in(&tree)).unwrap_or_default()
    };
    let (mut found, mut names) = (Vec::<(String, Source)>::new(), named(template));
    while let Some(name) = names.pop() {
        let Some(plain) = plain_name(&name).filter(|plain| found.iter().all(|(known, _)| known != plain)) else {
            continue;
        };
        if let Ok(file) = partials.get(&plain) {
            names.extend(named(&file.text));
            found.push((plain, file));
        }
    }
    found
}

/// Whether a text can be read as a template at all.
pub(crate) fn is_template(text: &str) -> bool {
    machinery::parse(text, "", SyntaxConfig::default()).is_ok()
}

/// The names of the files that a template reads, as far as they are named in quotes; none where it is no template.
#[must_use]
pub fn files_read_by(template: &str) -> Vec<String> {
    let tree = machinery::parse(template, "", SyntaxConfig::default());
    tree.map(|tree| super::analysis::tree::files_in(&tree)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert_eq!(plain_name("./parts//a.html"), Some("parts/a.html".to_owned()));
        assert_eq!(plain_name("..a/b.html"), Some("..a/b.html".to_owned()));
        for name in ["", "/etc/passwd", "../a", "a/../../b", "a/..", ".", "a\\..\\b", "a\0b", "//a"] {
            assert_eq!(plain_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_files_of_a_template_are_found_wherever_they_are_named() {
        let text = "{% extends 'base.html' %}{% block a %}{% if x %}{% include ['b.html', 'c.html'] ignore missing %}\
                    {% endif %}{% for i in y %}{% from 'm.html' import f %}{% endfor %}{% endblock %}{% import 'n.html' as n %}\
                    {% include z %}{% include 'd.html' if x else 'e.html' %}";
        let found = ["base.html", "b.html", "c.html", "m.html", "n.html", "d.html", "e.html"];
        assert_eq!(files_read_by(text), found);
        assert_eq!(files_read_by("{% if"), Vec::<String>::new());
    }
}
