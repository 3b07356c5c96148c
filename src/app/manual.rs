//! What shells and `man` know of the program: made from the same definitions as the command line.
//!
//! Guarantees: a page for each command, with its examples, whatever commands there are. Leaves to others: where packages
//! put them.

use super::cli::{CommandLine, ManArgs};
use super::config::find;
use super::exit::{Exit, Failure};
use crate::base::remedy;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

const NAME: &str = "posthaste";

/// What completes commands and flags in a shell.
///
/// # Errors
/// None that a test would let pass: it is text made of text.
pub(super) fn completions(shell: Shell) -> Result<String, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), NAME, &mut script);
    String::from_utf8(script).map_err(|e| Failure::failed(e.to_string()))
}

/// Runs `posthaste man`.
///
/// # Errors
/// The folder cannot be written to.
pub(super) fn run(args: &ManArgs) -> Result<Exit, Failure> {
    let failed = |e: io::Error| Failure::failed(format!("the manual page cannot be made: {}", remedy::told(&e)));
    let pages = pages().map_err(failed)?;
    let Some(folder) = &args.folder else {
        return super::print_out(pages.first().map(|(_, page)| page.as_str()).unwrap_or_default());
    };
    let mut told = String::new();
    for (name, page) in &pages {
        let _ = writeln!(told, "{}", write(folder, name, page)?);
    }
    super::print_out(&told)
}

fn write(folder: &Path, name: &str, page: &str) -> Result<String, Failure> {
    let file = folder.join(name);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, page));
    let failed = |e: io::Error| Failure::failed(format!("{}: cannot be written: {}", file.display(), remedy::told(&e)));
    written.map_err(failed)?;
    Ok(file.display().to_string())
}

/// The program's page, then one for each command: the file's name, and what is in it.
fn pages() -> io::Result<Vec<(String, String)>> {
    let mut whole = CommandLine::command().disable_help_subcommand(true);
    whole.build();
    let commands: Vec<Command> = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let also: Vec<String> = commands.iter().map(|command| format!("{NAME}-{}", command.get_name())).collect();
    let mut pages = vec![(format!("{NAME}.1"), page(whole, &also)?)];
    for command in commands {
        pages.push((format!("{NAME}-{}.1", command.get_name()), page(command, &[NAME.to_owned()])?));
    }
    Ok(pages)
}

fn page(command: Command, also: &[String]) -> io::Result<String> {
    let behind = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let mut page = title(&command).into_bytes();
    let man = Man::new(command);
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    let mut page = String::from_utf8_lossy(&page).into_owned();
    examples(&behind, &mut page);
    page.push_str(&surroundings());
    let also: Vec<String> = also.iter().map(|name| format!("{}(1)", escaped(name))).collect();
    let _ = writeln!(page, ".SH \"SEE ALSO\"\n{}", also.join(", "));
    Ok(page)
}

/// The line that a page begins with. `clap_mangen` leaves an empty date out instead of writing `""`: what comes behind it, the
/// version, then stands where a date is looked for.
fn title(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    format!(".TH {name} 1 \"\" \"{NAME} {}\" \"{NAME}\"\n", env!("CARGO_PKG_VERSION"))
}

/// A page of 80 columns has so many for a command, behind what stands before it.
const COMMAND_COLUMNS: usize = 66;

/// A command on as many lines as it needs, each of which a shell goes on from.
fn parted(command: &str) -> String {
    let Some(front) = command.char_indices().nth(COMMAND_COLUMNS).and_then(|(at, _)| command.get(..at)) else {
        return command.to_owned();
    };
    match front.rfind(" --").or_else(|| front.rfind(' ')).and_then(|at| command.split_at_checked(at)) {
        Some((line, rest)) => format!("{line} \\\n    {}", parted(rest.trim_start())),
        None => command.to_owned(),
    }
}

/// What stands behind the flags in `--help`: examples, of which commands stay as they are, then sentences.
fn examples(behind: &str, page: &mut String) {
    let Some(rest) = behind.strip_prefix("Examples:\n") else { return };
    let (examples, rest) = rest.split_once("\n\n").unwrap_or((rest, ""));
    page.push_str(".SH EXAMPLES\n");
    let mut is_command = false;
    for line in examples.lines() {
        let words = line.trim_start();
        match line.starts_with("    ") {
            true => {
                page.push_str(&format!("{}{}\n", if is_command { "" } else { ".nf\n.RS 4\n" }, escaped(&parted(words))))
            }
            false => page.push_str(&format!("{}{}\n", if is_command { ".RE\n.fi\n.PP\n" } else { "" }, escaped(words))),
        }
        is_command = line.starts_with("    ");
    }
    page.push_str(if is_command { ".RE\n.fi\n" } else { "" });
    let mut title = ".SH NOTES\n";
    for paragraph in rest.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        match paragraph.strip_prefix("Exit codes: ") {
            Some(codes) => page.push_str(&format!(".SH \"EXIT STATUS\"\n{}\n", escaped(codes))),
            None => page.push_str(&format!("{title}{}\n", escaped(paragraph))),
        }
        title = ".PP\n";
    }
}

fn surroundings() -> String {
    format!(
        ".SH ENVIRONMENT\n.TP\n{}\nThe configuration of the engine, where \\-\\-config names none; empty: the defaults.\n\
         .TP\nNO_COLOR\nNothing is coloured, unless \\-\\-color says so.\n\
         .SH FILES\n.TP\n{}\nThe configuration of the engine, where nothing else names one.\n",
        find::VARIABLE,
        find::SYSTEM
    )
}

/// Text for roff, line by line: nothing in it is a command.
fn escaped(text: &str) -> String {
    let line = |line: &str| {
        // Not every terminal has the sign, and troff reads octets.
        let plain = line.replace('…', "...").replace('\\', "\\e").replace('-', "\\-");
        if plain.starts_with(['.', '\'']) { format!("\\&{plain}") } else { plain }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_with_examples_and_a_completion() {
        let pages = pages().unwrap();
        let commands = CommandLine::command();
        assert_eq!(pages.len(), 1 + commands.get_subcommands().count());
        for (name, page) in &pages {
            let page_name = name.trim_end_matches(".1");
            let title = format!(".TH {page_name} 1 \"\" \"posthaste {}\" \"posthaste\"\n", env!("CARGO_PKG_VERSION"));
            assert!(page.starts_with(&title), "{name} has another title:\n{page}");
            for part in
                [".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS", ".SH EXAMPLES\n", "\n.nf\n.RS 4\n", "POSTHASTE_CONFIG"]
            {
                assert!(page.contains(part), "{name} has no {part}:\n{page}");
            }
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let script = completions(shell).unwrap();
            for command in commands.get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell} does not know {}", command.get_name());
            }
        }
    }

    #[test]
    fn no_line_of_an_example_is_wider_than_a_page() {
        for (name, page) in pages().unwrap() {
            let (_, examples) = page.split_once(".SH EXAMPLES\n").unwrap();
            let commands = examples.split(".SH ").next().unwrap().split(".nf\n").skip(1);
            for line in commands.flat_map(|command| command.split(".fi").next().unwrap().lines().map(str::to_owned)) {
                let plain = line.replace("\\-", "-").replace("\\e", "\\");
                assert!(plain.chars().count() <= 69, "{name}: {plain}");
            }
        }
        let long = format!("posthaste send news.toml {}--limit 500", "--wait ".repeat(9));
        let lines = parted(&long);
        assert!(lines.lines().count() == 2 && lines.replace(" \\\n    ", " ") == long, "{lines}");
    }

    #[test]
    fn nothing_in_a_text_is_a_command_of_roff() {
        assert_eq!(escaped("a\\b\n.SH x\n'y -z"), "a\\eb\n\\&.SH x\n\\&'y \\-z");
    }
}
